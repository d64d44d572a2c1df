"""Running text to model: files that are read as one long stream each, and divided where it goes on, never shuffled.

Neighbouring sentences are alike, so a split is a stretch of text: the last tenth, not every tenth line. Long lines of
the test or validation text that stand in the training text as well are taken out of the latter.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headstart.core.errors import DataError
from headstart.data.items import SPLITS, Split, UnreadableError
from headstart.data.readers.split_names import split_named
from headstart.data.texts import SUFFIXES, decode, encoding_of

#: Share of a text that is carved from its end for a split that is missing.
CARVED = 0.1
#: A line that stands in two splits counts from so many characters on; headings and dialogue are shorter.
LONG_LINE = 60
#: Text is decoded in pieces of about so many bytes.
_PIECE = 1 << 22


@dataclass(frozen=True, slots=True)
class Streams:
    """Running text in splits.

    Attributes:
        name: Of the data.
        origin: Where it was read.
        train: To learn from.
        validation: To choose by.
        test: To judge on.
        notes: How it was divided, what was left out.
    """

    name: str
    origin: str
    train: str
    validation: str
    test: str
    notes: tuple[str, ...]


def read_streams(data: str) -> Streams:
    """Reads a text file, or a folder of them.

    Files whose names are those of splits (``train.txt``, ``wiki.valid.txt``) are these splits; of exactly two the first
    is learned from and the second judged on, whatever they are called, and validation is carved from the first. Other
    files are one text in the order of their names.

    Args:
        data: The file or folder.

    Raises:
        DataError: There is no text, or too little to divide.
    """
    path, files = Path(data), text_files(Path(data))
    texts = {file: read_text(file) for file in files}
    named = {file: _split_of(file) for file in files}
    if len(files) > 1 and all(named.values()):
        parts = {split: "\n".join(texts[file] for file in files if named[file] == split) for split in SPLITS}
        given = [text for text in parts.values() if text]
        notes = [_names(files, named)]
    else:
        given, notes = ["\n".join(texts.values())], []
    train, validation, test = _divided(given, notes)
    train, repeated = _without_lines_of(train, [validation, test])
    if repeated:
        notes.append(f"{repeated} long lines of the training text stand in validation or test as well: left out.")
    streams = Streams(path.resolve().stem, str(path), train, validation, test, tuple(notes))
    _refuse_empty(streams)
    return streams


def text_files(path: Path) -> list[Path]:
    """The file itself, or the text files in a folder and below it in the order of their names.

    Raises:
        DataError: There is none.
    """
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(f"Expected a text file or a folder with files that end in .txt, but got {path}; name one.")
    return files


def read_text(file: Path) -> str:
    """The text in a file of any length, by the rule of :mod:`headstart.data.texts`.

    Raises:
        DataError: It is no text.
    """
    try:
        content = file.read_bytes()
        return "".join(map(_read_piece, _pieces(content)))
    except (OSError, UnreadableError) as error:
        raise DataError(f"Expected {file} to be a text, but {error}; leave it out.") from error


def _pieces(content: bytes) -> list[bytes]:
    """Pieces that end with a line; a file that announces its encoding is one piece."""
    if encoding_of(content[:4]) or len(content) <= _PIECE:
        return [content]
    found, begin = [], 0
    while begin < len(content):
        end = content.find(b"\n", begin + _PIECE) + 1 or len(content)
        found.append(content[begin:end])
        begin = end
    return found


def _read_piece(piece: bytes) -> str:
    """The text of a piece; one of many may well be nothing but empty lines."""
    if piece and not piece.strip():
        return "\n" * piece.count(b"\n")
    return decode(piece).whole


def _split_of(file: Path) -> Split | None:
    """The split that a file's name, a part of it, or its folder's name stands for."""
    parts = [file.stem, *re.split(r"[._-]", file.stem), file.parent.name]
    return next((split for part in parts if (split := split_named(part))), None)


def _names(files: Sequence[Path], named: dict[Path, Split | None]) -> str:
    given = [split for split in SPLITS if split in named.values()]
    by_split = {split: ", ".join(file.name for file in files if named[file] == split) for split in given}
    if len(given) == 2:
        first, second = by_split.values()
        return (
            f"There are two splits: {first} is learned from and {second} judged on; validation is carved from {first}."
        )
    return "; ".join(f"{split}: {names}" for split, names in by_split.items()) + "."


def _divided(given: Sequence[str], notes: list[str]) -> tuple[str, str, str]:
    """Training, validation and test text from one, two or three."""
    if len(given) == 3:
        return given[0], given[1], given[2]
    if len(given) == 2:
        train, validation = _carved(given[0], CARVED)
        return train, validation, given[1]
    notes.append(
        f"The last {CARVED:.0%} of the text are judged on, the {CARVED:.0%} before that chosen by.".replace("%", " %")
    )
    rest, test = _carved(given[0], CARVED)
    train, validation = _carved(rest, CARVED / (1 - CARVED))
    return train, validation, test


def _carved(text: str, share: float) -> tuple[str, str]:
    """The text without its end, and the end, from the beginning of a line where there are lines."""
    aim = int(len(text) * (1 - share))
    cut = text.find("\n", aim) + 1
    return (text[:cut], text[cut:]) if 0 < cut < len(text) else (text[:aim], text[aim:])


def _without_lines_of(train: str, others: Sequence[str]) -> tuple[str, int]:
    held_out = {stripped for text in others for line in text.split("\n") if len(stripped := line.strip()) >= LONG_LINE}
    lines = train.split("\n")
    kept = [line for line in lines if line.strip() not in held_out]
    return "\n".join(kept), len(lines) - len(kept)


def _refuse_empty(streams: Streams) -> None:
    parts = {"train": streams.train, "validation": streams.validation, "test": streams.test}
    if empty := [name for name, text in parts.items() if not text.strip()]:
        raise DataError(
            f"Expected text to learn from, to choose by and to judge on in {streams.origin}, but there is none for "
            f"{' and '.join(empty)}; give more text, or files named train.txt, valid.txt and test.txt."
        )
