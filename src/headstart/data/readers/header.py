"""Whether a table's first row names its columns, or is data already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from headstart.core.errors import DataError
from headstart.data.columns import Columns
from headstart.data.items import Ledger
from headstart.data.readers.column_names import KNOWN_NAMES
from headstart.data.readers.rows import Rows, TextRows
from headstart.data.readers.tabular import WORDS_OF_TEXT
from headstart.data.readers.wanted import Wanted

#: A column of labels has at most so many different values for each of its cells.
_MOST_DISTINCT = 0.5
#: And at most so many words in a cell.
_MOST_WORDS = 4


def with_header(rows: Rows, named: Columns, wanted: Wanted, ledger: Ledger) -> tuple[Rows, Columns]:
    """A table as it is, or, where its first row is data, with that row among the others.

    Its columns are then called ``"column 1"``, ``"column 2"``, ...; the user may name them by their numbers. A first
    row is data where none of its cells is a known name of a column, and one of them is a path to an item, or stands
    again further down in a column of few values, or is all there is and reads like a sentence.

    Args:
        rows: The table.
        named: What the user named; a column of that name makes the first row a header.
        wanted: What counts as an item.
        ledger: Takes a note.

    Returns:
        The table, and the columns that the user named by their names in it.

    Raises:
        DataError: The user named columns by numbers, but the first row is a header.
    """
    if not isinstance(rows, TextRows) or not rows.header:
        return rows, named
    given = [name for name in (named.item, named.label, named.group, named.split, named.second) if name is not None]
    numbered = bool(given) and all(name in _numbers(rows.names) for name in given)
    there = [name in rows.names for name in given]
    if any(there) and (all(there) or not numbered):  # a number may stand in the first row as a label, too
        return rows, named
    known = [name for name in rows.names if name.lower() in KNOWN_NAMES]
    if known and numbered:
        raise DataError(
            f"Expected names of columns, as the first row of {rows.path} has them ({', '.join(rows.names[:12])}), but "
            f"got {', '.join(map(repr, given))}."
        )
    if known or not (numbered or _is_data(rows, wanted)):
        return rows, named
    numbers = tuple(f"column {number}" for number in range(1, len(rows.names) + 1))
    ledger.notes.append(f"The first row of {rows.path.name} looks like data: it was read as such, not as a header.")
    full = TextRows(rows.path, numbers, [rows.header, *rows.places], [rows.names, *rows.cells])
    return full, _by_number(named)


def looks_like_labels(cells: Sequence[Any], *, least: int = 2) -> bool:
    """Whether cells are a few short values, ``least`` or more, that come again and again.

    Example:
        >>> looks_like_labels(["1", "0", "0", "1"]), looks_like_labels(["1", "2", "3", "4"])
        (True, False)
    """
    filled = [text for text in (str(cell).strip() for cell in cells if cell is not None) if text]
    values = set(filled)
    return least <= len(values) <= _MOST_DISTINCT * len(filled) and all(
        len(value.split()) <= _MOST_WORDS for value in values
    )


def looks_like_path(cell: Any, suffixes: frozenset[str]) -> bool:
    """Whether a cell ends as the name of an item's file does."""
    return isinstance(cell, str) and PurePosixPath(cell.replace("\\", "/")).suffix.lower() in suffixes


def _is_data(rows: TextRows, wanted: Wanted) -> bool:
    if not wanted.in_cells and any(looks_like_path(name, wanted.suffixes) for name in rows.names):
        return True
    if len(rows.names) == 1:
        return len(rows.names[0].split()) >= WORDS_OF_TEXT
    for place, first in enumerate(rows.names):
        below = [row[place].strip() for row in rows.cells]
        if first and first in below and looks_like_labels([first, *below], least=1):
            return True
    return False


def _numbers(names: Sequence[str]) -> set[str]:
    count = range(1, len(names) + 1)
    return {*map(str, count), *(f"column {number}" for number in count)}


def _by_number(named: Columns) -> Columns:
    def full(name: str | None) -> str | None:
        return f"column {name}" if name is not None and name.isdecimal() else name

    return replace(
        named,
        item=full(named.item),
        label=full(named.label),
        group=full(named.group),
        split=full(named.split),
        second=full(named.second),
    )
