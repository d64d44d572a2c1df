"""Folders that tables describe: ``metadata`` files and Parquet files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from headstart.data.columns import Columns
from headstart.data.items import Exclusion, Item, ItemTable, Ledger
from headstart.data.readers.scanning import scan
from headstart.data.readers.split_names import are_split_names, split_named
from headstart.data.readers.table import read_items, reading_order
from headstart.data.readers.wanted import Wanted

METADATA_NAMES = ("metadata.csv", "metadata.jsonl", "metadata.parquet")


def read_parquet_folder(data: str, *, columns: Columns, wanted: Wanted) -> ItemTable:
    """Reads the Parquet files of a folder, or of its folder ``data``; ``train-00000-of-00001`` names its split."""
    root = Path(data)
    ledger = Ledger()
    items: list[Item] = []
    for path in parquet_files(root):
        below = path if not wanted.in_cells else path.parent
        prefix = below.relative_to(root).with_suffix("").as_posix() + "/"
        split = split_named(path.stem.split("-")[0]) or split_named(path.parent.name)
        found = read_below(path, prefix.removeprefix("./"), columns=columns, wanted=wanted, ledger=ledger)
        items += [replace(item, split=item.split or split) for item in found]
    return folder_table(root, data, items, ledger)


def read_metadata_folder(data: str, *, columns: Columns, wanted: Wanted) -> ItemTable:
    """Reads a folder whose files are described by ``metadata.csv``, ``.jsonl`` or ``.parquet``.

    The table lies at the top or in each split folder. Where it has no split column, folders called like
    splits are splits. Files of the expected kind that no row names are left out, and counted.
    """
    root = Path(data)
    ledger = Ledger()
    items: list[Item] = []
    for path in metadata_files(root):
        prefix = "" if path.parent == root else f"{path.parent.name}/"
        items += read_below(path, prefix, columns=columns, wanted=wanted, ledger=ledger)
    named = {item.id for item in items} | {entry.id for entry in ledger.excluded}
    for folder in scan(root, wanted.suffixes, ledger).walk():
        unnamed = (folder.within(name) for name, _ in folder.files)
        ledger.excluded.extend(Exclusion(name, "not in the metadata") for name in unnamed if name not in named)
    return folder_table(root, data, _splits_from_folders(items), ledger)


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


def read_below(path: Path, prefix: str, *, columns: Columns, wanted: Wanted, ledger: Ledger) -> list[Item]:
    """The items of one of several tables: ``prefix`` keeps their ids apart."""
    own = Ledger()
    items = read_items(path, columns=columns, wanted=wanted, ledger=own)
    ledger.notes.extend(own.notes)
    ledger.excluded.extend(replace(entry, id=prefix + entry.id) for entry in own.excluded)
    return [replace(item, id=prefix + item.id) for item in items]


def _splits_from_folders(items: list[Item]) -> list[Item]:
    tops = {item.id.partition("/")[0] for item in items if item.split is None}
    if not are_split_names(tops):
        return items
    return [replace(item, split=item.split or split_named(item.id.partition("/")[0])) for item in items]


def folder_table(root: Path, data: str, items: list[Item], ledger: Ledger) -> ItemTable:
    """The items of a folder as a table of that name, in reading order."""
    return ItemTable(root.resolve().name, data, tuple(sorted(items, key=reading_order)), ledger)
