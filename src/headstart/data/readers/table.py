"""Tables of items and labels: CSV, TSV, JSON lines and Parquet.

Where items are files, cells hold their paths: relative to the table's folder, which they may not leave. A Parquet cell
may also hold the content itself: binary, or the ``{"bytes", "path"}`` that the ``datasets`` library writes. Where items
are texts, cells hold them, and an item is called after its row: ``reviews.csv:17`` begins in line 17.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, cast

from headstart.core.errors import DataError
from headstart.data.columns import Columns
from headstart.data.items import BytesSource, Exclusion, FileSource, Item, ItemTable, Ledger, Source, Split
from headstart.data.readers.class_names import with_class_names
from headstart.data.readers.column_choice import choose_columns, require_label
from headstart.data.readers.confined import ConfinedFolder
from headstart.data.readers.header import with_header
from headstart.data.readers.rows import Rows
from headstart.data.readers.split_names import ACCEPTED, split_named
from headstart.data.readers.table_files import read_rows
from headstart.data.readers.tabular import column_kind
from headstart.data.readers.wanted import Wanted
from headstart.data.texts import text_content

Located = dict[int, tuple[str, Source]]


def read_table(data: str, *, columns: Columns, wanted: Wanted) -> ItemTable:
    """Reads one table.

    Args:
        data: The file.
        columns: Names of columns; those left out are guessed from names and cells.
        wanted: What counts as an item.

    Raises:
        DataError: The table is broken, lacks a column, or names files that it may not name.
    """
    path = Path(data)
    ledger = Ledger()
    items = read_items(path, columns=columns, wanted=wanted, ledger=ledger)
    items = with_class_names(items, path.parent, ledger)
    return ItemTable(path.stem, data, tuple(sorted(items, key=reading_order)), ledger)


def read_items(path: Path, *, columns: Columns, wanted: Wanted, ledger: Ledger) -> list[Item]:
    """The labelled items of a table, in the order of its rows.

    Raises:
        DataError: See :func:`read_table`.
    """
    rows, chosen = _rows_and_columns(path, columns, wanted, ledger)
    require_label(rows, chosen)
    labels = [_text(cell) or columns.empty for cell in rows.column(cast(str, chosen.label))]
    located = _located(rows, chosen, wanted, ledger)
    located = _without_labels(rows, located, labels, chosen, ledger)
    groups = [_text(cell) for cell in rows.column(chosen.group)] if chosen.group else None
    splits = _splits(rows, chosen.split) if chosen.split else None
    return [
        Item(name, source, labels[row], groups[row] if groups else None, splits[row] if splits else None)
        for row, (name, source) in _once(rows, located, labels, ledger)
    ]


def read_unlabelled_items(path: Path, *, columns: Columns, wanted: Wanted, ledger: Ledger) -> list[Item]:
    """The items of a table, whether it has labels or not, in the order of its rows.

    Raises:
        DataError: See :func:`read_table`.
    """
    rows, chosen = _rows_and_columns(path, columns, wanted, ledger)
    return [Item(name, source) for name, source in _located(rows, chosen, wanted, ledger).values()]


def reading_order(item: Item) -> tuple[str, int]:
    """Sorts items by their ids, and rows of one table by their numbers.

    Example:
        >>> reading_order(Item("reviews.csv:17", BytesSource(b"")))
        ('reviews.csv', 17)
    """
    table, _, row = item.id.rpartition(":")
    return (table, int(row)) if row.isdecimal() else (item.id, 0)


def _rows_and_columns(path: Path, named: Columns, wanted: Wanted, ledger: Ledger) -> tuple[Rows, Columns]:
    rows, named = with_header(read_rows(path, ledger), named, wanted, ledger)
    if not rows.places:
        raise DataError(f"Expected rows in {path}, but it has none.")
    chosen = choose_columns(rows, named, wanted)
    used = [f"{name!r} for {what}" for what, name in _purposes(chosen) if name]
    ledger.notes.append(f"Columns of {path.name}: {', '.join(used)}.")
    if wanted.in_cells and (aside := _texts_aside(rows, chosen)):
        ledger.notes.append(
            f"Left aside in {path.name}: {', '.join(map(repr, aside))}, where texts stand too; --second-column reads "
            "one of them with the other text as a pair."
        )
    return rows, chosen


def _texts_aside(rows: Rows, chosen: Columns) -> list[str]:
    """Columns of texts that nothing reads, where one text counts as an item."""
    if chosen.second is not None:
        return []
    used = {name for _, name in _purposes(chosen)}
    return [name for name in rows.names if name not in used and column_kind(rows.head(name)) == "text"]


def _purposes(columns: Columns) -> list[tuple[str, str | None]]:
    return [
        ("items", columns.item),
        ("the second text of each pair", columns.second),
        ("labels", columns.label),
        ("groups", columns.group),
        ("splits", columns.split),
    ]


def _located(rows: Rows, chosen: Columns, wanted: Wanted, ledger: Ledger) -> Located:
    """Row to id and source of what is there; rows without content, and missing files, go to the ledger."""
    names = [name for name in (chosen.item, chosen.second) if name is not None]
    contents = [rows.column(name) for name in names]
    complete = []
    for row, place in enumerate(rows.places):
        lacking = [name for name, cells in zip(names, contents, strict=True) if _is_empty(cells[row])]
        if lacking:
            ledger.excluded.append(Exclusion(f"{rows.path.name}, {place}", "empty cell", f"nothing in {lacking[0]!r}"))
        else:
            complete.append(row)
    return _texts(rows, contents, complete) if wanted.in_cells else _files(rows, contents[0], complete, ledger)


def _without_labels(
    rows: Rows, located: Located, labels: Sequence[str | None], chosen: Columns, ledger: Ledger
) -> Located:
    """Leaves out what has no label."""
    for row, (name, _) in located.items():
        if labels[row] is None:
            detail = f"{rows.path.name}, {rows.places[row]}: nothing in {chosen.label!r}"
            ledger.excluded.append(Exclusion(name, "empty cell", detail))
    return {row: entry for row, entry in located.items() if labels[row] is not None}


def _texts(rows: Rows, contents: Sequence[Sequence[Any]], complete: Iterable[int]) -> Located:
    return {
        row: (
            f"{rows.path.name}:{rows.places[row].split()[-1]}",
            BytesSource(text_content(*(str(cells[row]) for cells in contents))),
        )
        for row in complete
    }


def _files(rows: Rows, content: Sequence[Any], complete: Iterable[int], ledger: Ledger) -> Located:
    """Missing files go to the ledger, forbidden ones stop everything."""
    folder = ConfinedFolder(rows.path.parent)
    start = len(str(rows.path.parent / "x")) - 1
    located: Located = {}
    refused: list[str] = []
    missing: list[Exclusion] = []
    for row in complete:
        cell = content[row]
        embedded = _embedded(cell)
        if embedded is not None:
            located[row] = (f"{rows.places[row].split()[0]}-{row + 1:07d}", BytesSource(embedded))
            continue
        value = str(cell["path"] if isinstance(cell, dict) else cell).strip()
        if reason := folder.refusal(value):
            refused.append(f"{rows.places[row]}: {value!r} {reason}")
        elif not os.path.isfile(path := folder.path(value)):  # noqa: PTH113 - a Path for each row is slow
            missing.append(Exclusion(value, "missing file", f"{rows.path.name}, {rows.places[row]}"))
        else:
            file = Path(path)
            located[row] = (str(file)[start:], FileSource(file))
    if refused:
        raise DataError.from_problems(
            f"Expected all paths in {rows.path} to be relative ones that stay in {rows.path.parent}, but "
            f"{len(refused)} are not; put the files beside the table and name them from there:",
            refused,
        )
    if missing and not located:
        raise DataError(
            f"Expected the files that {rows.path} names, but none of {len(missing)} is there; the first was "
            f"looked for at {rows.path.parent / missing[0].id}. Paths are relative to the table's folder."
        )
    ledger.excluded.extend(missing)
    return located


def _once(
    rows: Rows, located: Located, labels: Sequence[str | None], ledger: Ledger
) -> list[tuple[int, tuple[str, Source]]]:
    """Each file once; a second row that names it goes to the ledger, or is refused where its label differs."""
    first: dict[str, int] = {}
    conflicts: list[str] = []
    kept = []
    for row, (name, source) in located.items():
        earlier = first.setdefault(name, row)
        if earlier == row:
            kept.append((row, (name, source)))
        elif labels[earlier] != labels[row]:
            conflicts.append(
                f"{name}: {labels[earlier]!r} in {rows.places[earlier]}, {labels[row]!r} in {rows.places[row]}"
            )
        else:
            where = f"{rows.path.name}, {rows.places[row]} repeats {rows.places[earlier]}"
            ledger.excluded.append(Exclusion(f"{name} ({rows.places[row]})", "repeated row", where))
    if conflicts:
        raise DataError.from_problems(
            f"Expected one label for each file in {rows.path}, but {len(conflicts)} rows contradict earlier ones:",
            conflicts,
        )
    return kept


def _splits(rows: Rows, column: str) -> list[Split | None]:
    cells = [_text(cell) for cell in rows.column(column)]
    unknown = sorted({cell for cell in cells if cell is not None and split_named(cell) is None})
    if unknown:
        raise DataError(
            f"Expected splits in the column {column!r} of {rows.path} to be called {ACCEPTED}, but got "
            f"{', '.join(map(repr, unknown[:10]))}; rename them, or name another column with --split-column."
        )
    return [None if cell is None else split_named(cell) for cell in cells]


def _embedded(cell: Any) -> bytes | None:
    found = cell.get("bytes") if isinstance(cell, dict) else cell
    return found if isinstance(found, bytes) else None


def _is_empty(cell: Any) -> bool:
    if isinstance(cell, dict):
        return cell.get("bytes") is None and not cell.get("path")
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _text(cell: Any) -> str | None:
    """A cell as text; ``None`` for nothing and for what was written for nothing (NaN)."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return None
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    text = str(cell).strip()
    return None if text.lower() in {"", "nan"} else text
