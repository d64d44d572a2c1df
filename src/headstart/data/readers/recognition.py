"""Which kind of data is it? By the files in a folder, the columns of a table, the types of a data set.

Whatever the registry of modalities holds can be recognised; this file knows none of them by name.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from headstart.core.errors import DataError
from headstart.data.columns import Columns
from headstart.data.items import Ledger
from headstart.data.modality import MODALITIES
from headstart.data.readers.column_choice import listed, text_columns
from headstart.data.readers.column_names import PATH_NAMES
from headstart.data.readers.header import with_header
from headstart.data.readers.reading import reader_and_place
from headstart.data.readers.rows import Rows
from headstart.data.readers.scanning import Folder, scan
from headstart.data.readers.table_files import read_rows
from headstart.data.readers.tabular import column_kind, tabular_refusal

#: What readers bring whose format holds nothing but pictures.
_PICTURE = ".png"
_SHOWN = 40


def recognise(data: str, columns: Columns | None = None) -> str:
    """The name of the modality whose items ``data`` holds.

    In a folder the modality with most files in the class folders counts, or with most files at all where there are no
    class folders; where no file is of any modality, it is that of pictures, whose reader says what was expected. In a
    table a column of paths decides, and where there is none, a column of texts.

    Args:
        data: As for :func:`headstart.data.readers.reading.read_data`.
        columns: Names of a table's columns, where the user gave them.

    Raises:
        DataError: There is nothing to be read, or as much of one kind as of another, or a table has neither paths nor
            texts.
        UnknownNameError: The prefix is not known.
        UnavailableError: The data cannot be had here.
    """
    named = columns or Columns()
    reader, place = reader_and_place(data, named)
    if reader == "hf":
        return _by_features(place, named)
    if reader in {"table", "tables", "metadata", "parquet"}:
        return _by_columns(_first_table(reader, Path(place)), named)
    if reader in {"folder", "names"}:
        return _by_files(Path(place), in_class_folders=reader == "folder")
    return _holding(_PICTURE)


def _suffixes() -> dict[str, str]:
    """Ending of a file's name to the modality that reads it."""
    return {suffix: name for name in MODALITIES for suffix in MODALITIES[name].suffixes}


def _holding(suffix: str) -> str:
    return _suffixes()[suffix]


def _by_files(root: Path, *, in_class_folders: bool) -> str:
    suffixes = _suffixes()
    top = scan(root, frozenset(suffixes), Ledger())
    below = (folder for inner in top.folders for folder in inner.walk())
    counts = (in_class_folders and _counts(below, suffixes)) or _counts(top.walk(), suffixes)
    most = counts.most_common(2)
    if len(most) == 2 and most[0][1] == most[1][1]:
        found = " and ".join(f"{count} {MODALITIES[name].item_word}s" for name, count in most)
        raise DataError(
            f"Expected {root} to hold mostly one kind of data, but found {found}; say which is meant with --modality "
            f"{' or --modality '.join(sorted(name for name, _ in most))}."
        )
    return most[0][0] if most else _holding(_PICTURE)


def _counts(folders: Iterable[Folder], suffixes: dict[str, str]) -> Counter[str]:
    return Counter(
        suffixes[os.path.splitext(name)[1].lower()]  # noqa: PTH122 - a Path for each of 100,000 files is slow
        for folder in folders
        for name, _ in folder.files
    )


def _first_table(reader: str, place: Path) -> Path:
    from headstart.data.readers.split_tables import split_tables
    from headstart.data.readers.table_folders import metadata_files, parquet_files

    if reader == "table":
        return place
    return {"tables": split_tables, "metadata": metadata_files, "parquet": parquet_files}[reader](place)[0]


def _by_columns(path: Path, named: Columns) -> str:
    rows = read_rows(path, Ledger())
    in_cells = [name for name in MODALITIES if MODALITIES[name].in_cells]
    for name in MODALITIES:
        rows, named = with_header(rows, named, MODALITIES[name], Ledger())
    looked_at = [named.item] if named.item is not None else sorted(rows.names, key=_is_no_path_name)
    if not rows.places or not set(looked_at) <= set(rows.names):
        return _holding(_PICTURE)  # reading it says what is wrong
    suffixes = {suffix: name for suffix, name in _suffixes().items() if name not in in_cells}
    for column in looked_at:
        if found := _modality_of_cells(rows.head(column), suffixes, of_paths=not _is_no_path_name(column)):
            return found
    if in_cells and (named.second is not None or _has_texts(rows, looked_at)):
        return in_cells[0]
    if named.item is not None:
        raise DataError(
            f"Expected paths ({listed(sorted(suffixes), most=30)}) or sentences in the column {named.item!r} of "
            f"{path}, but found cells such as {_first_cell(rows, named.item)!r}; say with --modality what they are "
            f"({', '.join(MODALITIES)})."
        )
    raise DataError(
        tabular_refusal(rows)
        or f"Expected a column of paths ({listed(sorted(suffixes), most=30)}) or of texts in {path}, but its columns "
        f"are {listed(rows.names)}; name it with --item-column, and say with --modality what it holds "
        f"({', '.join(MODALITIES)})."
    )


def _first_cell(rows: Rows, column: str) -> str:
    return next((str(cell)[:_SHOWN] for cell in rows.head(column) if cell is not None and str(cell).strip()), "")


def _is_no_path_name(name: str) -> bool:
    return name.lower() not in PATH_NAMES


def _modality_of_cells(cells: Iterable[Any], suffixes: dict[str, str], *, of_paths: bool) -> str | None:
    """The modality that reads most of the files that some cells name, or hold; ``None`` unless all do.

    In a column whose name says that it holds paths, those that name no such file are for the reader to refuse.
    """
    filled = [cell for cell in cells if cell is not None and cell != ""]
    named = [cell.get("path") if isinstance(cell, dict) else cell for cell in filled]
    paths = [path for path in named if isinstance(path, str)]
    if filled and len(paths) == len(filled):
        found = Counter(suffixes.get(PurePosixPath(path.replace("\\", "/")).suffix.lower()) for path in paths)
        if of_paths and len(found) > 1:
            del found[None]
        return found.most_common(1)[0][0]
    return _holding(_PICTURE) if filled and all(isinstance(cell, bytes | dict) for cell in filled) else None


def _has_texts(rows: Rows, columns: list[str]) -> bool:
    if any(text_columns(columns)):
        return True
    return any(column_kind(rows.head(name)) == "text" for name in columns)


def _by_features(place: str, named: Columns) -> str:
    from headstart.data.readers.huggingface import columns_of_items, open_splits

    features = next(iter(open_splits(place).values())).features
    looked_at = {name: features[name] for name in features if named.item in {None, name}}
    for name in sorted(MODALITIES, key=lambda name: MODALITIES[name].in_cells):
        if columns_of_items(looked_at, MODALITIES[name]):
            return name
    return _holding(_PICTURE)
