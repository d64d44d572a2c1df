"""From what the user typed to an item table: the reader is chosen by a prefix, or by what lies at the path."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Protocol

from headstart.core.errors import DataError, UnknownNameError
from headstart.core.registry import Registry
from headstart.data.columns import Columns
from headstart.data.items import ItemTable
from headstart.data.readers.split_names import second_split_is_test
from headstart.data.readers.wanted import Wanted

_PREFIX = re.compile(r"^[a-z][a-z0-9_-]+(?=:)")
_ARCHIVES = {".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar"}


class Reader(Protocol):
    """Reads one way of keeping data."""

    def __call__(self, data: str, *, columns: Columns, wanted: Wanted) -> ItemTable:
        """Reads ``data``: a path, or what follows the prefix."""


READERS: Registry[Reader] = Registry(
    "data source",
    {
        "folder": "headstart.data.readers.folder:read_folder",
        "names": "headstart.data.readers.named_files:read_named_files",
        "metadata": "headstart.data.readers.table_folders:read_metadata_folder",
        "table": "headstart.data.readers.table:read_table",
        "tables": "headstart.data.readers.split_tables:read_split_tables",
        "parquet": "headstart.data.readers.table_folders:read_parquet_folder",
        "idx": "headstart.data.readers.idx:read_idx",
        "sklearn": "headstart.data.readers.sklearn_sets:read_sklearn",
        "torchvision": "headstart.data.readers.torchvision_sets:read_torchvision",
        "hf": "headstart.data.readers.huggingface:read_huggingface",
    },
    group="headstart.readers",
)


def read_data(data: str | Path, *, columns: Columns | None = None, wanted: Wanted) -> ItemTable:
    """Reads what the user has.

    Args:
        data: A folder, a table's file, or a name with a prefix: ``"sklearn:digits"``, ``"hf:cifar10"``. A
            reader's name as prefix chooses it outright: ``"folder:photos"``.
        columns: Names of a table's columns, or the pattern of names of files, where the user gave them.
        wanted: What counts as an item: the modality.

    Returns:
        The items, ordered by id, and the ledger. Of exactly two splits, the second is the test split.

    Raises:
        DataError: What was found cannot be read as data; the message says what was expected.
        UnknownNameError: The prefix is not known.
        UnavailableError: The data cannot be had here.
    """
    columns = columns or Columns()
    name, place = reader_and_place(str(data), columns)
    table = READERS[name](place, columns=columns, wanted=wanted)
    return second_split_is_test(table)


def reader_and_place(data: str, columns: Columns) -> tuple[str, str]:
    """The reader's name, and what it is to read: a path, or what follows the prefix.

    Args:
        data: What the user gave.
        columns: Where it has a pattern, names of files are read, whatever else lies in the folder.

    Raises:
        DataError: There is nothing that can be read as data.
        UsageError: There is a pattern, but no folder.
        UnknownNameError: The prefix is not known.
    """
    name, place = _reader_and_place(data)
    if columns.pattern is None:
        return name, place
    if not Path(place).is_dir():
        Columns(pattern=columns.pattern).refuse_for(data)
    return "names", place


def _reader_and_place(data: str) -> tuple[str, str]:
    prefix = _PREFIX.match(data)
    if not prefix or Path(data).exists():
        return _reader_for(Path(data)), data
    if prefix[0] not in READERS:
        raise UnknownNameError("data source (the part before the colon)", prefix[0], READERS)
    return prefix[0], data[prefix.end() + 1 :]


def _reader_for(path: Path) -> str:
    if path.is_dir():
        return _reader_for_folder(path)
    if path.is_file():
        return _reader_for_file(path)
    near = _nearest_sibling(path)
    raise DataError(
        f"Expected a folder, a table or a name such as sklearn:digits, but there is nothing at {path}{near}."
    )


def _reader_for_folder(folder: Path) -> str:
    from headstart.data.readers.huggingface import is_saved_dataset
    from headstart.data.readers.idx import idx_files
    from headstart.data.readers.split_tables import split_tables
    from headstart.data.readers.table_folders import metadata_files, parquet_files

    if is_saved_dataset(folder):
        return "hf"
    if idx_files(folder):
        return "idx"
    if metadata_files(folder):
        return "metadata"
    if parquet_files(folder):
        return "parquet"
    if split_tables(folder):
        return "tables"
    return "folder"


def _reader_for_file(path: Path) -> str:
    from headstart.data.readers.table_files import TABLE_SUFFIXES

    suffix = path.suffix.lower()
    if suffix in TABLE_SUFFIXES:
        return "table"
    if re.search(r"idx\d-ubyte(\.gz)?$", path.name):
        return "idx"
    if suffix in {".npz", ".npy"}:
        raise DataError(
            f"Expected a folder, a table of paths or a named data set, but got arrays of numbers in {path}; "
            "if they are pixels, save the pictures as files in class folders."
        )
    if suffix in _ARCHIVES:
        raise DataError(f"Expected a folder, but got the archive {path}; unpack it and give the folder.")
    raise DataError(
        f"Expected a folder, a table ({', '.join(sorted(TABLE_SUFFIXES))}) or a named data set, but got the "
        f"file {path}; give the folder that holds the classes."
    )


def _nearest_sibling(path: Path) -> str:
    if not path.parent.is_dir():
        return ""
    near = difflib.get_close_matches(path.name, [entry.name for entry in path.parent.iterdir()], n=1)
    return f"; perhaps {path.parent / near[0]} is meant" if near else ""
