"""Delimited text: comma, semicolon, bar or tab between cells, quotes around what holds one of them or a line's end."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import cast

from headstart.core.errors import DataError
from headstart.data.items import Exclusion, Ledger
from headstart.data.readers.rows import TextRows
from headstart.data.readers.text_files import open_text
from headstart.data.texts import MOST_CHARACTERS

_DELIMITERS = ",;\t|"
#: Between cells where there is only one in a row: the unit separator of ASCII, which nobody types.
_NONE = "\x1f"
_FIRST_LINES = 100


def read_delimited(path: Path, ledger: Ledger) -> TextRows:
    """Reads a table of delimited text; the first row that is not empty gives the names.

    Rows with more or fewer cells than the first go to the ledger. In a tab-separated file quotes may be mere
    characters, as in GLUE's files: it is read so where it cannot be read otherwise, or where rows would be lost.

    Raises:
        DataError: It is not text, or a quoted cell never ends; the line is named.
    """
    delimiter, own = _delimiter(path), Ledger()
    rows: TextRows | None = None
    try:
        rows = _read(path, own, delimiter, quoting=csv.QUOTE_MINIMAL)
    except DataError:
        if delimiter != "\t":
            raise
    if delimiter == "\t" and (rows is None or own.excluded):
        plain = Ledger()
        unquoted = _read(path, plain, delimiter, quoting=csv.QUOTE_NONE)
        if rows is None or len(plain.excluded) < len(own.excluded):
            rows, own = unquoted, plain
            own.notes.append(f"Quotes in {path.name} were read as characters of its cells.")
    ledger.notes.extend(own.notes)
    ledger.excluded.extend(own.excluded)
    return cast(TextRows, rows)


def _read(path: Path, ledger: Ledger, delimiter: str, *, quoting: int) -> TextRows:
    names: tuple[str, ...] = ()
    header = ""
    places: list[str] = []
    cells: list[list[str]] = []
    line = 1
    with open_text(path, ledger, newline="") as stream, _long_cells():
        reader = csv.reader(stream, delimiter=delimiter, quoting=quoting, strict=True)  # type: ignore[arg-type]
        try:
            for row in reader:
                begins, line = line, reader.line_num + 1
                if not any(cell.strip() for cell in row):
                    continue
                if not names:
                    names, header = tuple(cell.strip() for cell in row), f"line {begins}"
                elif len(row) == len(names):
                    places.append(f"line {begins}")
                    cells.append(row)
                else:
                    found = f"{len(row)} cells where the header has {len(names)}"
                    ledger.excluded.append(Exclusion(f"{path.name}, line {begins}", "malformed row", found))
        except csv.Error as error:
            raise DataError(
                f"Expected {path} to be a table, but the row at line {line} cannot be read: {error}."
            ) from error
    return TextRows(path, names, places, cells, header)


def _delimiter(path: Path) -> str:
    """The one of ``, ; | tab`` that stands most often in the first row, quoted cells aside."""
    if path.suffix.lower() == ".tsv":
        return "\t"
    with open_text(path, Ledger()) as stream:
        first = next((line for line in islice(stream, _FIRST_LINES) if line.strip()), "")
    outside = "".join(first.split('"')[::2])
    best = max(_DELIMITERS, key=outside.count)
    return best if best in outside else _NONE


@contextmanager
def _long_cells() -> Iterator[None]:
    """Cells may be as long as texts may be; the limit keeps a quote that never ends from swallowing a large file."""
    before = csv.field_size_limit(MOST_CHARACTERS)
    try:
        yield
    finally:
        csv.field_size_limit(before)
