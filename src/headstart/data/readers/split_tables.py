"""Tables in one folder that are called like splits, such as ``train.tsv`` and ``test.tsv``: one data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from headstart.core.errors import UnlabelledError
from headstart.data.columns import Columns
from headstart.data.items import Exclusion, FileSource, Item, ItemTable, Ledger
from headstart.data.readers.class_names import CLASSES_FILE, with_class_names
from headstart.data.readers.scanning import other_kind, scan
from headstart.data.readers.split_names import split_named
from headstart.data.readers.table_folders import folder_table, read_below
from headstart.data.readers.wanted import Wanted

_SUFFIXES = frozenset({".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".pq"})
_ANY_TABLE = "{table}"


def read_split_tables(data: str, *, columns: Columns, wanted: Wanted) -> ItemTable:
    """Reads a folder of tables that are called like splits.

    A table for validation or test that has no labels, as competitions give them, is left out and noted.

    Args:
        data: The folder.
        columns: Names of columns, the same in each table.
        wanted: What counts as an item.

    Raises:
        DataError: A table is broken, lacks a column, or names files that it may not name; or training has no labels.
    """
    root = Path(data)
    ledger = Ledger()
    read: dict[str, Ledger] = {}
    items: list[Item] = []
    for path in split_tables(root):
        own = Ledger()
        try:
            items += _items_of_split(path, own, columns=columns, wanted=wanted)
        except UnlabelledError:
            if split_named(path.stem) == "train":
                raise
            ledger.notes.append(f"{path.name} has no column of labels, so that it was left out.")
        else:
            read[path.name] = own
            ledger.excluded.extend(own.excluded)
    ledger.notes.append(f"The tables are the splits: {', '.join(read)}.")
    ledger.notes.extend(_joined_notes(read))
    _leave_out_beside_tables(root, items, wanted=wanted, ledger=ledger)
    return folder_table(root, data, with_class_names(items, root, ledger), ledger)


def split_tables(root: Path) -> list[Path]:
    """The tables in a folder that are called like splits: two or more of different splits, no folder being one."""
    entries = sorted(root.iterdir())
    found = [path for path in entries if path.suffix.lower() in _SUFFIXES and path.is_file() and split_named(path.stem)]
    folders = [path for path in entries if path.is_dir() and split_named(path.name)]
    splits = {split_named(path.stem) for path in found}
    return found if len(splits) == len(found) > 1 and not folders else []


def _items_of_split(path: Path, ledger: Ledger, *, columns: Columns, wanted: Wanted) -> Iterator[Item]:
    prefix = "" if wanted.in_cells else f"{path.stem}/"
    for item in read_below(path, prefix, columns=columns, wanted=wanted, ledger=ledger):
        yield replace(item, split=item.split or split_named(path.stem))


def _joined_notes(read: dict[str, Ledger]) -> Iterator[str]:
    """What is true of each table is said once."""
    tables: dict[str, list[str]] = {}
    for name, ledger in read.items():
        for note in ledger.notes:
            tables.setdefault(note.replace(name, _ANY_TABLE), []).append(name)
    for note, names in tables.items():
        yield note.replace(_ANY_TABLE, "each table" if len(names) == len(read) else ", ".join(names))


def _leave_out_beside_tables(root: Path, items: Sequence[Item], *, wanted: Wanted, ledger: Ledger) -> None:
    """Files that no table names would have been items, unless items are in the tables themselves."""
    used = {str(item.source.path) for item in items if isinstance(item.source, FileSource)}
    known = {CLASSES_FILE, *(path.name for path in split_tables(root))}
    unnamed = ledger.ignored if wanted.in_cells else ledger.excluded
    for folder in scan(root, wanted.suffixes, ledger).walk():
        files = [name for name, path in folder.files if path not in used and name not in known]
        unnamed.extend(Exclusion(folder.within(name), "not in the tables") for name in files)
        ledger.ignored.extend(other_kind(folder, name, suffix) for name, suffix in folder.others if name not in known)
