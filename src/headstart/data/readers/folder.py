"""Class folders, with or without split folders above them.

How a folder is understood, in this order:

1. A single folder around everything (what unpacking an archive leaves) is stepped into.
2. The top folders are splits only if **all** that hold data are called like splits (``train``, ``val``,
   ``test``, ...). A class called ``test`` beside other classes is a class.
3. Let *d* be the smallest number of folders above any file, below the splits. The class of a file is the path
   of its first *d* folders: ``cat/1.jpg`` is a ``cat``, and so is ``cat/more/2.jpg`` beside it; where every
   class folder holds only folders, as in ``Korean/character29/01.png``, the class is ``Korean/character29``.
4. Files beside the class folders belong to no class and are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headstart.core.errors import DataError, UnlabelledError
from headstart.data.columns import Columns
from headstart.data.items import Exclusion, FileSource, Item, ItemTable, Ledger, Split
from headstart.data.readers.scanning import Folder, other_kind, scan
from headstart.data.readers.split_names import are_split_names, split_named
from headstart.data.readers.table_files import TABLE_SUFFIXES
from headstart.data.readers.wanted import Wanted

_EXPECTED = "class folders such as cat/ and dog/ with files in them, or the same inside train/, val/ and test/"


def read_folder(data: str, *, columns: Columns, wanted: Wanted) -> ItemTable:
    """Reads class folders.

    Args:
        data: The folder.
        columns: Must be empty: a folder has no columns.
        wanted: What counts as an item.

    Raises:
        DataError: There are no class folders, or splits and classes stand side by side, or links lead out.
    """
    columns.refuse_for(data)
    root, suffixes = Path(data), wanted.suffixes
    ledger = Ledger()
    top = step_into(scan(root, suffixes, ledger), ledger)
    if top.relative:
        ledger.notes.append(f"Everything lies in {top.relative}/: the folders in there were read as splits or classes.")
    bases = split_folders(top, root)
    depth = _class_depth(bases, top, root, suffixes)
    items = [item for split, base in bases for item in _items(base, split, depth=depth, ledger=ledger)]
    if bases[0][1] is not top:
        _leave_out_beside_splits(top, ledger)
    _note_depth(items, depth, ledger)
    return ItemTable(root.resolve().name or "data", data, tuple(sorted(items, key=lambda item: item.id)), ledger)


def step_into(folder: Folder, ledger: Ledger) -> Folder:
    """Down through folders that hold nothing but one other folder of folders.

    Args:
        folder: The root.
        ledger: Takes the files beside them.
    """
    top = folder
    while not top.files and len(top.folders) == 1 and split_named(top.folders[0].name) is None:
        inner = top.folders[0]
        if inner.files or not any(below.count for below in inner.folders):
            break
        for name, suffix in top.others:
            ledger.ignored.append(other_kind(top, name, suffix))
        top = inner
    return top


def split_folders(top: Folder, root: Path) -> list[tuple[Split | None, Folder]]:
    """The folders that are splits; the top folder itself where there are none.

    Raises:
        DataError: Splits and classes stand side by side.
    """
    holding = [folder for folder in top.folders if folder.count]
    if are_split_names(folder.name for folder in holding):
        return [(split_named(folder.name), folder) for folder in holding]
    doubtful = [folder.name for folder in holding if split_named(folder.name) and not folder.files]
    if doubtful:
        others = [folder.name for folder in holding if folder.name not in doubtful]
        raise DataError(
            f"Expected the folders in {root} to be all splits or all classes, but {_listed(doubtful)} look "
            f"like splits (they hold folders) and {_listed(others)} do not; move the latter out, or rename "
            "the former if they are classes."
        )
    return [(None, top)]


def _class_depth(bases: list[tuple[Split | None, Folder]], top: Folder, root: Path, suffixes: frozenset[str]) -> int:
    depths = [
        folder.relative.count("/") - base.relative.count("/") + (not base.relative)
        for _, base in bases
        for folder in base.walk()
        if folder.files and folder is not base
    ]
    if depths:
        return min(depths)
    found = sum(base.count for _, base in bases)
    if not found:
        others = sorted({suffix or "no ending" for folder in top.walk() for _, suffix in folder.others})
        beside = f" (but files with {_listed(others)})" if others else ""
        tables = [name for name, suffix in top.others if suffix in TABLE_SUFFIXES]
        table = f", or the table {root / top.within(tables[0])}" if tables else ""
        raise DataError(
            f"Expected {root} to hold {_EXPECTED}, but found no file with "
            f"{_listed(sorted(suffixes))}{beside}; give the folder that holds the classes{table}."
        )
    where = " and ".join(base.relative or "the folder itself" for _, base in bases if base.files)
    raise UnlabelledError(
        f"Expected {root} to hold {_EXPECTED}, but found {found} files directly in {where} and no class "
        "folders; make a folder for each class and move its files there, or add a metadata.csv with the "
        "columns file_name and label, or say with --label-pattern where the names of the files have the class."
    )


def _items(base: Folder, split: Split | None, *, depth: int, ledger: Ledger) -> Iterator[Item]:
    _leave_out_files(base, ledger)
    for folder in base.folders:
        for below in folder.walk():
            ledger.excluded.extend(other_kind(below, name, suffix) for name, suffix in below.others)
    for folder in _at_depth(base, depth):
        label = folder.relative.removeprefix(base.relative).lstrip("/")
        if not folder.count:
            ledger.empty_classes.append(folder.relative)
        for below in folder.walk():
            for name, path in below.files:
                yield Item(below.within(name), FileSource(Path(path)), label, None, split)


def _at_depth(folder: Folder, depth: int) -> Iterator[Folder]:
    """Folders ``depth`` steps down, and shallower ones without any file below."""
    for below in folder.folders:
        if depth == 1 or not below.count:
            yield below
        else:
            yield from _at_depth(below, depth - 1)


def _leave_out_files(folder: Folder, ledger: Ledger) -> None:
    ledger.excluded.extend(
        Exclusion(folder.within(name), "outside every class folder", "move it into the folder of its class")
        for name, _ in folder.files
    )
    ledger.ignored.extend(other_kind(folder, name, suffix) for name, suffix in folder.others)


def _leave_out_beside_splits(top: Folder, ledger: Ledger) -> None:
    _leave_out_files(top, ledger)
    for folder in top.folders:
        if not folder.count:
            ledger.notes.append(f"{folder.relative}/ holds nothing that can be used.")
            for below in folder.walk():
                ledger.ignored.extend(other_kind(below, name, suffix) for name, suffix in below.others)


def _note_depth(items: list[Item], depth: int, ledger: Ledger) -> None:
    if depth > 1:
        ledger.notes.append(
            f"The class folders hold only folders, so a class is a path of {depth} folders, such as {items[0].label!r}."
        )


def _listed(names: list[str], most: int = 6) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
