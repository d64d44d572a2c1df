"""Tagged sentences in files of the CoNLL shared tasks: a word and its tag per line, an empty line after a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headstart.core.errors import DataError
from headstart.data.columns import Columns
from headstart.data.items import Exclusion, Item, ItemTable, Ledger, Split
from headstart.data.readers.scanning import scan
from headstart.data.readers.split_names import second_split_is_test, split_named
from headstart.data.readers.text_files import open_text
from headstart.data.sentences import Sentence

#: Endings of such files. Those of the shared tasks themselves often say which split it is: ``eng.testa``.
SUFFIXES = frozenset({".conll", ".bio", ".iob", ".iob2", ".ner", ".tsv", ".txt"})
_SPLITS: dict[str, Split] = {"testa": "validation", "testb": "test"}
_SPLIT_SUFFIXES = frozenset({".train", ".dev", ".test", ".testa", ".testb"})
_DOCUMENT = "-DOCSTART-"


def read_conll(data: str, *, columns: Columns | None = None) -> ItemTable:
    """Reads a file, or a folder with a file for each split.

    The first column is the word, the last its tag. Columns are separated by tabs, or by spaces where a file has no tab.
    A line that begins with ``#`` and has not as many columns as the others is a comment. Sentences between two
    ``-DOCSTART-`` lines are of one group. A sentence in which a line lacks its tag is left out and named.

    Args:
        data: A file, or a folder with files such as ``train.conll``, ``dev.conll`` and ``test.conll``.
        columns: Of no use here; refused where any is named.

    Raises:
        DataError: There is no such file, none with a sentence, or one that is no text.
    """
    (columns or Columns()).refuse_for(data)
    path, ledger = Path(data), Ledger()
    if not path.exists():
        raise DataError(f"Expected a file or folder with tagged sentences, but there is nothing at {path}.")
    items = [item for file, split in _files(path, ledger) for item in _read(file, split, ledger)]
    if not items:
        raise DataError(
            f"Expected sentences in {path}, a word and its tag on each line and an empty line after each sentence, but "
            f"found none; files are looked for by their endings: {', '.join(sorted(SUFFIXES | _SPLIT_SUFFIXES))}."
        )
    return second_split_is_test(ItemTable(path.resolve().stem, data, tuple(items), ledger))


def split_of_file(name: str) -> Split | None:
    """The split that a file's name speaks of; ``None`` where it speaks of none.

    Example:
        >>> split_of_file("dev.conll"), split_of_file("eng.testb"), split_of_file("wnut17-train.txt")
        ('validation', 'test', 'train')
    """
    parts = re.split(r"[^a-z]+", name.lower())
    found = [split for part in parts if (split := _SPLITS.get(part) or split_named(part))]
    return found[0] if len(set(found)) == 1 else None


def _files(path: Path, ledger: Ledger) -> list[tuple[Path, Split | None]]:
    if path.is_file():
        return [(path, None)]
    tree = scan(path, SUFFIXES | _SPLIT_SUFFIXES, ledger)
    for folder in tree.walk():
        ledger.ignored.extend(
            Exclusion(folder.within(name), "other kind of file", f"its name ends with {suffix}")
            for name, suffix in folder.others
        )
    found = [Path(file) for folder in tree.walk() for _, file in folder.files]
    return [(file, split_of_file(file.name)) for file in found]


@dataclass
class _Open:
    """The sentence that is being read."""

    line: int = 0
    words: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    problem: str = ""


def _read(path: Path, split: Split | None, ledger: Ledger) -> Iterator[Item]:
    """The sentences of a file; those with a problem go to the ledger."""
    with open_text(path, ledger) as lines:
        rows = [_cells(line) for line in lines]
    full = [cells for cells in rows if cells]
    width = len(next((cells for cells in full if not cells[0].startswith("#")), full[0])) if full else 0
    document, sentence = 0, _Open()
    for number, cells in enumerate([*rows, []], start=1):
        if cells and cells[0].startswith("#") and len(cells) != width:
            continue
        if cells and cells[0] != _DOCUMENT:
            _take(cells, sentence, number, width)
            continue
        if sentence.words:
            name = f"{path.name}, line {sentence.line}"
            if sentence.problem:
                ledger.excluded.append(Exclusion(name, "malformed line", sentence.problem))
            else:
                group = f"{path.name}, document {document}" if document else None
                yield Sentence(tuple(sentence.words), tuple(sentence.tags)).item(name, group=group, split=split)
            sentence = _Open()
        document += bool(cells)


def _take(cells: Sequence[str], sentence: _Open, number: int, width: int) -> None:
    """Adds a line to the sentence."""
    sentence.line = sentence.line or number
    sentence.words.append(cells[0])
    sentence.tags.append(cells[-1])
    if not sentence.problem and (len(cells) != width or width < 2 or not cells[-1]):
        found = f"{len(cells)}" if len(cells) != width or width < 2 else "no tag"
        sentence.problem = f"Expected {max(2, width)} columns at line {number}, the last a tag, but got {found}"


def _cells(line: str) -> list[str]:
    """The columns of a line; none where it is empty."""
    if not line.strip():
        return []
    return [cell.strip() for cell in line.split("\t")] if "\t" in line else line.split()
