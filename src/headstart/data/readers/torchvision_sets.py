"""``torchvision:NAME``: the classification sets of torchvision, kept below headstart's cache folder."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import DataError, UnavailableError, UnknownNameError
from headstart.core.home import cache_home
from headstart.data.columns import Columns
from headstart.data.items import Item, ItemTable, Ledger, Source, Split
from headstart.data.readers.split_names import split_named
from headstart.data.readers.wanted import Wanted

_SPLIT_VALUES = ("train", "val", "valid", "test")


@dataclass(frozen=True, slots=True, eq=False)
class IndexedSource:
    """One picture of a torchvision data set, decoded by torchvision when it is read."""

    dataset: Any
    index: int

    def read(self) -> NDArray[np.uint8]:
        """The picture: ``(H, W)`` where it is grey, else ``(H, W, 3)``."""
        picture = self.dataset[self.index][0]
        return np.asarray(picture if picture.mode == "L" else picture.convert("RGB"))


def read_torchvision(data: str, *, columns: Columns, wanted: Wanted) -> ItemTable:
    """Reads a data set of ``torchvision.datasets``; downloads it only if its files are not there.

    Args:
        data: The name of the class, such as ``"CIFAR10"``.
        columns: Must be empty.
        wanted: Not used.

    Raises:
        UnknownNameError: torchvision has no such data set.
        UnavailableError: The files are not there and cannot be fetched.
        DataError: The set is not one of pictures with one class each.
    """
    columns.refuse_for(f"torchvision:{data}")
    kind = _class_named(data)
    items: list[Item] = []
    for split, dataset in _open_splits(kind, cache_home() / "datasets" / "torchvision" / data):
        names = _class_names(dataset)
        for index, label in enumerate(_labels(dataset, data)):
            source: Source = IndexedSource(dataset, index)
            name = names[label] if names and 0 <= label < len(names) else str(label)
            items.append(Item(f"{split or data}/{index:07d}", source, name, None, split))
    return ItemTable(data, f"torchvision:{data}", tuple(sorted(items, key=lambda item: item.id)), Ledger())


def _class_named(name: str) -> Any:
    from torchvision import datasets

    known = [
        entry
        for entry in datasets.__all__
        if "root" in inspect.signature(getattr(datasets, entry)).parameters
        and "download" in inspect.signature(getattr(datasets, entry)).parameters
    ]
    if name not in known:
        raise UnknownNameError("torchvision data set", name, known)
    return getattr(datasets, name)


def _open_splits(kind: Any, root: Path) -> list[tuple[Split | None, Any]]:
    parameters = inspect.signature(kind).parameters
    if "train" in parameters:
        return [("train", _open(kind, root, train=True)), ("test", _open(kind, root, train=False))]
    if "split" not in parameters:
        return [(None, _open(kind, root))]
    opened = []
    for value in _SPLIT_VALUES:
        with contextlib.suppress(ValueError):  # torchvision's answer to a split that the set does not have
            opened.append((split_named(value), _open(kind, root, split=value)))
    return opened


def _open(kind: Any, root: Path, **which: Any) -> Any:
    try:
        return kind(root, download=False, **which)
    except (RuntimeError, FileNotFoundError):  # the files are not there
        pass
    root.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return kind(root, download=True, **which)
    except (RuntimeError, OSError) as error:
        raise UnavailableError(
            f"Expected to fetch torchvision:{kind.__name__}, but it is neither in {root} nor to be had: "
            f"{str(error).splitlines()[0]}. Connect to the internet, or put its files there."
        ) from error


def _labels(dataset: Any, name: str) -> Sequence[int]:
    for attribute in ("targets", "labels", "_labels"):
        if hasattr(dataset, attribute):
            found = np.asarray(getattr(dataset, attribute))
            break
    else:
        samples = getattr(dataset, "_samples", None)
        found = np.asarray([sample[1] for sample in (samples if samples is not None else dataset)], dtype=object)
    if found.ndim != 1 or not all(isinstance(label, int) for label in found.tolist()):
        raise DataError(f"Expected torchvision:{name} to give one class for each picture, but it does not.")
    return [int(label) for label in found.tolist()]


def _class_names(dataset: Any) -> list[str]:
    return [str(name) for name in getattr(dataset, "classes", [])]
