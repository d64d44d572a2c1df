"""Files whose names say their class, with or without split folders around them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from headstart.core.errors import DataError
from headstart.data.columns import Columns
from headstart.data.items import Exclusion, FileSource, Item, ItemTable, Ledger, Split
from headstart.data.label_pattern import LabelPattern
from headstart.data.readers.folder import split_folders, step_into
from headstart.data.readers.scanning import Folder, other_kind, scan
from headstart.data.readers.wanted import Wanted


def read_named_files(data: str, *, columns: Columns, wanted: Wanted) -> ItemTable:
    """Reads all files of a folder and of the folders below; their paths from there on hold their labels.

    Splits are found as for class folders. Files that do not match stand in the ledger.

    Args:
        data: The folder.
        columns: ``pattern`` alone; a folder has no columns.
        wanted: What counts as an item.

    Raises:
        UsageError: The pattern is no regular expression, or has no group for the label, or a column is named.
        DataError: No file matches, or links lead out.
    """
    replace(columns, pattern=None).refuse_for(data)
    pattern, root, ledger = LabelPattern(columns.pattern or ""), Path(data), Ledger()
    top = step_into(scan(root, wanted.suffixes, ledger), ledger)
    bases = split_folders(top, root)
    items = [item for split, base in bases for item in _items(base, split, pattern, ledger)]
    if not items:
        raise DataError(_why_none(columns.pattern, root, top, wanted))
    if bases[0][1] is not top:
        _leave_out_beside_splits(top, ledger)
    first = items[0]
    ledger.notes.append(f"Labels were read from the names of files: {first.label!r} from {first.id}.")
    return ItemTable(root.resolve().name or "data", data, tuple(sorted(items, key=lambda item: item.id)), ledger)


def _items(base: Folder, split: Split | None, pattern: LabelPattern, ledger: Ledger) -> Iterator[Item]:
    for folder in base.walk():
        for name, path in folder.files:
            if found := pattern.read(folder.within(name)):
                yield Item(folder.within(name), FileSource(Path(path)), *found, split)
            else:
                ledger.excluded.append(Exclusion(folder.within(name), "no label", "its path does not match"))
        for name, suffix in folder.others:
            meant = pattern.read(folder.within(name)) is not None
            (ledger.excluded if meant else ledger.ignored).append(other_kind(folder, name, suffix))


def _leave_out_beside_splits(top: Folder, ledger: Ledger) -> None:
    ledger.excluded.extend(
        Exclusion(top.within(name), "outside every split folder", "move it into one of them") for name, _ in top.files
    )
    ledger.ignored.extend(other_kind(top, name, suffix) for name, suffix in top.others)


def _why_none(pattern: str | None, root: Path, top: Folder, wanted: Wanted) -> str:
    paths = [folder.within(name) for folder in top.walk() for name, _ in folder.files]
    if not paths:
        return f"Expected files with {', '.join(sorted(wanted.suffixes))} in {root}, but found none."
    return (
        f"Expected the pattern {pattern!r} to match paths such as {paths[0]!r}, but it matches none of the "
        f"{len(paths)} files in {root}; mend the pattern: it is searched for in the path below that folder."
    )
