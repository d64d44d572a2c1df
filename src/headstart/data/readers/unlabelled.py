"""Items without labels: what is to be predicted."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from headstart.data.items import Exclusion, FileSource, Item, ItemTable, Ledger
from headstart.data.readers.scanning import other_kind, readable_name, scan


def read_unlabelled(paths: Sequence[str | Path], *, suffixes: frozenset[str]) -> ItemTable:
    """Files, folders (with all below them) and glob patterns, in the order given; within a folder by name.

    A file that is named outright is taken whatever its ending; in folders and patterns the ending decides.

    Args:
        paths: What the user typed.
        suffixes: Kinds of files that count as items, as ``".jpg"``.

    Returns:
        Items whose ids are their paths. What is named but not there, or holds nothing, stands in the ledger.
    """
    ledger = Ledger()
    found = {item.id: item for path in paths for item in _items_at(str(path), suffixes=suffixes, ledger=ledger)}
    return ItemTable("inputs", " ".join(map(str, paths)), tuple(found.values()), ledger)


def _items_at(name: str, *, suffixes: frozenset[str], ledger: Ledger) -> Iterator[Item]:
    path = Path(name)
    if path.is_dir():
        yield from _items_below(path, suffixes, ledger)
    elif path.is_file():
        yield Item(readable_name(str(path)), FileSource(path))
    elif matches := sorted(glob.glob(name, recursive=True)):  # noqa: PTH207 - Path.glob refuses absolute patterns
        for match in matches:
            yield from _match(Path(match), suffixes, ledger)
    else:
        ledger.excluded.append(Exclusion(name, "missing file", "there is no such file, folder or match"))


def _match(path: Path, suffixes: frozenset[str], ledger: Ledger) -> Iterator[Item]:
    if path.is_dir():
        yield from _items_below(path, suffixes, ledger)
    elif path.suffix.lower() in suffixes:
        yield Item(readable_name(str(path)), FileSource(path))
    else:
        ledger.excluded.append(Exclusion(str(path), "other kind of file", f"its name ends in {path.suffix!r}"))


def _items_below(root: Path, suffixes: frozenset[str], ledger: Ledger) -> Iterator[Item]:
    top = scan(root, suffixes, ledger)
    if not top.count:
        ledger.excluded.append(Exclusion(readable_name(str(root)), "empty folder", "it holds no file of this kind"))
    for folder in top.walk():
        ledger.ignored.extend(other_kind(folder, name, suffix) for name, suffix in folder.others)
        for _, path in folder.files:
            yield Item(readable_name(path), FileSource(Path(path)))
