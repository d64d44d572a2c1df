"""Items without labels: what is to be predicted."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from headstart.core.errors import UsageError
from headstart.data.columns import Columns
from headstart.data.items import BytesSource, Exclusion, FileSource, Item, ItemTable, Ledger
from headstart.data.readers.scanning import other_kind, readable_name, scan
from headstart.data.readers.table import read_unlabelled_items
from headstart.data.readers.table_files import TABLE_SUFFIXES
from headstart.data.readers.tabular import ends_like_a_file
from headstart.data.readers.wanted import Wanted
from headstart.data.texts import text_content

#: A path or pattern; a text, or a pair of texts, where the items are texts.
Named = str | Path | tuple[str, str]

_SHOWN = 80
#: What an empty text is called.
_NOTHING = "(no text)"


def read_unlabelled(inputs: Sequence[Named], *, wanted: Wanted, columns: Columns | None = None) -> ItemTable:
    r"""Files, folders (with all below them), tables and glob patterns, in the order given; within a folder by name.

    A file that is named outright is taken whatever its ending, unless that is a table's; in folders and patterns the
    ending decides. Of a table every row is an item. Where an item may be given literally, what names no file, has no
    ending of a file of items or of a table, and either holds a space or neither ``/``, ``\`` nor any ending of a file,
    is the item itself, each time it is given; so is a tuple of one text or two.

    Args:
        inputs: What the user typed.
        wanted: What counts as an item.
        columns: Names of a table's columns.

    Returns:
        Items whose ids are their paths, or their own beginnings. What is named but not there, or holds nothing, stands
        in the ledger.

    Raises:
        DataError: A table cannot be read.
        UsageError: A tuple is not one of one or two texts.
    """
    ledger = Ledger()
    found: dict[str, Item] = {}
    for given in inputs:
        if isinstance(given, tuple) or (wanted.literal and _is_literal(str(given), wanted)):
            item = _literal(given if isinstance(given, tuple) else (str(given),), found)
            found[item.id] = item
        else:
            found |= {item.id: item for item in _items_at(str(given), wanted, columns or Columns(), ledger)}
    return ItemTable("inputs", " ".join(map(str, inputs)), tuple(found.values()), ledger)


def _is_literal(name: str, wanted: Wanted) -> bool:
    if os.path.exists(name) or _matches(name):  # noqa: PTH110 - Path.exists raises where a name is too long
        return False
    if Path(name).suffix.lower() in wanted.suffixes | TABLE_SUFFIXES:
        return False
    return len(name.split()) > 1 or not (any(separator in name for separator in "/\\") or ends_like_a_file(name))


def _literal(texts: Sequence[str], found: dict[str, Item]) -> Item:
    if not 1 <= len(texts) <= 2 or not all(isinstance(text, str) for text in texts):
        raise UsageError(f"Expected a tuple of one text or two, but got {texts!r}; give a list of several items.")
    whole = " | ".join(" ".join(text.split()) or _NOTHING for text in texts)
    name = whole if len(whole) <= _SHOWN else f"{whole[: _SHOWN - 1]}…"
    again = 1
    while (unique := name if again == 1 else f"{name} ({again})") in found:
        again += 1
    return Item(unique, BytesSource(text_content(*texts)))


def _items_at(name: str, wanted: Wanted, columns: Columns, ledger: Ledger) -> Iterator[Item]:
    path = Path(name)
    if path.is_dir():
        yield from _items_below(path, wanted.suffixes, ledger)
    elif path.is_file():
        yield from _items_of_file(path, wanted, columns, ledger)
    elif matches := _matches(name):
        for match in matches:
            yield from _match(Path(match), wanted, columns, ledger)
    else:
        ledger.excluded.append(Exclusion(name, "missing file", "there is no such file, folder or match"))


def _matches(name: str) -> list[str]:
    return sorted(glob.glob(name, recursive=True))  # noqa: PTH207 - Path.glob refuses absolute patterns


def _items_of_file(path: Path, wanted: Wanted, columns: Columns, ledger: Ledger) -> Iterator[Item]:
    if _is_table(path, wanted):
        folder = readable_name(str(path.parent))
        for item in read_unlabelled_items(path, columns=columns, wanted=wanted, ledger=ledger):
            yield item if folder == "." else replace(item, id=f"{folder}/{item.id}")
    else:
        yield Item(readable_name(str(path)), FileSource(path))


def _is_table(path: Path, wanted: Wanted) -> bool:
    return path.suffix.lower() in TABLE_SUFFIXES - wanted.suffixes


def _match(path: Path, wanted: Wanted, columns: Columns, ledger: Ledger) -> Iterator[Item]:
    if path.is_dir():
        yield from _items_below(path, wanted.suffixes, ledger)
    elif path.suffix.lower() in wanted.suffixes or (wanted.in_cells and _is_table(path, wanted)):
        yield from _items_of_file(path, wanted, columns, ledger)
    else:
        ledger.excluded.append(Exclusion(str(path), "other kind of file", f"its name ends in {path.suffix!r}"))


def _items_below(root: Path, suffixes: frozenset[str], ledger: Ledger) -> Iterator[Item]:
    top = scan(root, suffixes, ledger)
    if not top.count:
        ledger.excluded.append(Exclusion(readable_name(str(root)), "empty folder", "it holds no file of this kind"))
    for folder in top.walk():
        ledger.ignored.extend(other_kind(folder, name, suffix) for name, suffix in folder.others)
        for _, path in folder.files:
            yield Item(readable_name(path), FileSource(Path(path)))
