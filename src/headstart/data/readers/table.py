"""Tables of paths and labels: CSV, TSV, JSON lines and Parquet, and ``metadata`` files inside folders.

Paths are relative to the table's folder and may not leave it. A Parquet cell may also hold the content
itself: binary, or the ``{"bytes", "path"}`` that the ``datasets`` library writes.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from headstart.core.errors import DataError
from headstart.data.columns import Columns
from headstart.data.items import BytesSource, Exclusion, FileSource, Item, ItemTable, Ledger, Source, Split
from headstart.data.readers.column_choice import choose_columns
from headstart.data.readers.confined import ConfinedFolder
from headstart.data.readers.rows import Rows, read_rows
from headstart.data.readers.scanning import scan
from headstart.data.readers.split_names import ACCEPTED, are_split_names, split_named

METADATA_NAMES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


def read_table(data: str, *, columns: Columns, suffixes: frozenset[str]) -> ItemTable:
    """Reads one table.

    Args:
        data: The file.
        columns: Names of columns; those left out are guessed from the header.
        suffixes: Kinds of files that count as items, as ``".jpg"``.

    Raises:
        DataError: The table is broken, lacks a column, or names files that it may not name.
    """
    path = Path(data)
    ledger = Ledger()
    items = _read_items(path, columns=columns, suffixes=suffixes, ledger=ledger)
    return ItemTable(path.stem, data, tuple(sorted(items, key=lambda item: item.id)), ledger)


def read_parquet_folder(data: str, *, columns: Columns, suffixes: frozenset[str]) -> ItemTable:
    """Reads the Parquet files of a folder, or of its folder ``data``; ``train-00000-of-00001`` names its split."""
    root = Path(data)
    ledger = Ledger()
    items: list[Item] = []
    for path in parquet_files(root):
        prefix = path.relative_to(root).with_suffix("").as_posix() + "/"
        split = split_named(path.stem.split("-")[0]) or split_named(path.parent.name)
        found = _read_below(path, prefix, columns=columns, suffixes=suffixes, ledger=ledger)
        items += [replace(item, split=item.split or split) for item in found]
    return ItemTable(root.resolve().name, data, tuple(sorted(items, key=lambda item: item.id)), ledger)


def read_metadata_folder(data: str, *, columns: Columns, suffixes: frozenset[str]) -> ItemTable:
    """Reads a folder whose files are described by ``metadata.csv``, ``.jsonl`` or ``.parquet``.

    The table lies at the top or in each split folder. Where it has no split column, folders called like
    splits are splits. Files of the expected kind that no row names are left out, and counted.
    """
    root = Path(data)
    ledger = Ledger()
    items: list[Item] = []
    for path in metadata_files(root):
        prefix = "" if path.parent == root else f"{path.parent.name}/"
        items += _read_below(path, prefix, columns=columns, suffixes=suffixes, ledger=ledger)
    named = {item.id for item in items} | {entry.id for entry in ledger.excluded}
    for folder in scan(root, suffixes, ledger).walk():
        unnamed = (folder.within(name) for name, _ in folder.files)
        ledger.excluded.extend(Exclusion(name, "not in the metadata") for name in unnamed if name not in named)
    items = _splits_from_folders(items)
    return ItemTable(root.resolve().name, data, tuple(sorted(items, key=lambda item: item.id)), ledger)


def metadata_files(root: Path) -> list[Path]:
    """The ``metadata`` files that describe a folder: at its top, else in its split folders."""
    folders = [root, *sorted(path for path in root.iterdir() if path.is_dir() and split_named(path.name))]
    for here in ([folders[0]], folders[1:]):
        found = [folder / name for folder in here for name in METADATA_NAMES if (folder / name).is_file()]
        if found:
            return found
    return []


def parquet_files(root: Path) -> list[Path]:
    """Parquet files in a folder or, where it has none, one folder further down."""
    return sorted(root.glob("*.parquet")) or sorted(root.glob("*/*.parquet"))


def _read_below(path: Path, prefix: str, *, columns: Columns, suffixes: frozenset[str], ledger: Ledger) -> list[Item]:
    """The items of one of several tables: ``prefix`` keeps their ids apart."""
    own = Ledger()
    items = _read_items(path, columns=columns, suffixes=suffixes, ledger=own)
    ledger.notes.extend(own.notes)
    ledger.excluded.extend(replace(entry, id=prefix + entry.id) for entry in own.excluded)
    return [replace(item, id=prefix + item.id) for item in items]


def _read_items(path: Path, *, columns: Columns, suffixes: frozenset[str], ledger: Ledger) -> list[Item]:
    rows = read_rows(path, ledger)
    if not rows.places:
        raise DataError(f"Expected rows in {path}, but it has none.")
    chosen = choose_columns(rows, columns, suffixes)
    used = [f"{name!r} for {what}" for what, name in _purposes(chosen) if name]
    ledger.notes.append(f"Columns of {path.name}: {', '.join(used)}.")
    content = rows.column(cast(str, chosen.item))
    labels = [_text(cell) for cell in rows.column(cast(str, chosen.label))]
    complete = _without_empty_cells(rows, content, labels, chosen, ledger)
    located = _locate(rows, content, complete, ledger)
    groups = [_text(cell) for cell in rows.column(chosen.group)] if chosen.group else None
    splits = _splits(rows, chosen.split) if chosen.split else None
    return [
        Item(name, source, labels[row], groups[row] if groups else None, splits[row] if splits else None)
        for row, (name, source) in _once(rows, located, labels, ledger)
    ]


def _purposes(columns: Columns) -> list[tuple[str, str | None]]:
    return [
        ("items", columns.item),
        ("labels", columns.label),
        ("groups", columns.group),
        ("splits", columns.split),
    ]


def _without_empty_cells(
    rows: Rows, content: Sequence[Any], labels: Sequence[str | None], chosen: Columns, ledger: Ledger
) -> list[int]:
    complete = []
    for row, place in enumerate(rows.places):
        if _is_empty(content[row]):
            ledger.excluded.append(Exclusion(f"{rows.path.name}, {place}", "empty cell", f"nothing in {chosen.item!r}"))
        elif labels[row] is None:
            name = content[row] if isinstance(content[row], str) else f"{rows.path.name}, {place}"
            ledger.excluded.append(
                Exclusion(name, "empty cell", f"{rows.path.name}, {place}: nothing in {chosen.label!r}")
            )
        else:
            complete.append(row)
    return complete


def _locate(
    rows: Rows, content: Sequence[Any], complete: Iterable[int], ledger: Ledger
) -> dict[int, tuple[str, Source]]:
    """Row to id and source; missing files go to the ledger, forbidden ones stop everything."""
    folder = ConfinedFolder(rows.path.parent)
    start = len(str(rows.path.parent / "x")) - 1
    located: dict[int, tuple[str, Source]] = {}
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
    rows: Rows, located: dict[int, tuple[str, Source]], labels: Sequence[str | None], ledger: Ledger
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


def _splits_from_folders(items: list[Item]) -> list[Item]:
    tops = {item.id.partition("/")[0] for item in items if item.split is None}
    if not are_split_names(tops):
        return items
    return [replace(item, split=item.split or split_named(item.id.partition("/")[0])) for item in items]


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
