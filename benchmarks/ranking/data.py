"""The image data that backbones are ranked on: items to train and to test on, drawn once for all backbones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headstart.data.items import ArraySource, FileSource, Item, ItemTable, Ledger, class_indices
from headstart.data.modality import MODALITIES
from headstart.data.readers.reading import read_data
from headstart.data.splits import assign_splits

#: At most so many items; scores see the training items and no others, as ``headstart rank`` does.
TRAINED, TESTED = 500, 1000


@dataclass(frozen=True)
class RankingData:
    """One data set.

    Attributes:
        name: What it is called in the tables.
        items: Training items, then test items.
        labels: ``(N,)``, class indices.
        classes: C.
        trained: How many of the items are for training.
    """

    name: str
    items: tuple[Item, ...]
    labels: NDArray[np.int64]
    classes: int
    trained: int


def data_sets(folder: Path) -> dict[str, Callable[[], RankingData]]:
    """Name to a function that reads the data set; those of them that are in ``folder``."""
    items = {
        "ants_bees": partial(_read, folder / "ants_bees"),
        "cats_dogs": partial(_read, folder / "cats_dogs"),
        "cifar10": partial(_read, folder / "cifar10"),
        "coil20": partial(_coil, folder / "coil20"),
        "fashion_mnist": partial(_read, folder / "fashion_mnist"),
        "flowers5": partial(_read, folder / "flowers5"),
        "mnist": partial(_read, folder / "mnist"),
        "omniglot_letters": partial(_omniglot, folder / "omniglot_letters"),
        "pacs_photo": partial(_pacs, folder / "pacs_photo_sketch", domain="photo"),
        "pacs_sketch": partial(_pacs, folder / "pacs_photo_sketch", domain="sketch"),
        "usps": partial(_usps, folder / "usps_mnist16"),
    }
    return {name: partial(_drawn, name, read) for name, read in items.items() if read.args[0].is_dir()}


def _drawn(name: str, read: Callable[[], Sequence[Item]]) -> RankingData:
    """Divides what has no split yet, and draws as many of each split as are used, evenly over classes."""
    divided = assign_splits(read(), seed=0)
    train = _some([item for item in divided if item.split != "test"], TRAINED)
    test = _some([item for item in divided if item.split == "test"], TESTED)
    classes = ItemTable(name, name, (*train, *test), Ledger()).classes
    chosen = (*train, *test)
    return RankingData(name, chosen, class_indices(chosen, classes), len(classes), len(train))


def _some(items: Sequence[Item], most: int) -> list[Item]:
    """At most so many items, in an order every beginning of which has each class's share."""
    labels = np.array([str(item.label) for item in items])
    order = np.random.default_rng(0).permutation(len(items))
    place = np.empty(len(items))
    for label in np.unique(labels):
        own = order[labels[order] == label]
        place[own] = (np.arange(len(own)) + 0.5) / len(own)
    return [items[index] for index in np.argsort(place, kind="stable")[:most]]


def _read(folder: Path) -> Sequence[Item]:
    return read_data(folder, wanted=MODALITIES["image"]).items


def _coil(folder: Path) -> Sequence[Item]:
    """Views A are trained on and views B tested on: other sides of the same objects."""
    return _files(folder, lambda path: path.parent.name, lambda path: path.name.startswith("B"))


def _omniglot(folder: Path) -> Sequence[Item]:
    """Letters of five alphabets; drawers 16 to 20 are tested on."""

    def letter(path: Path) -> str:
        return f"{path.parent.parent.name} {path.parent.name}"

    return _files(folder, letter, lambda path: int(path.stem.rpartition("_")[2]) > 15)


def _pacs(folder: Path, domain: str) -> Sequence[Item]:
    return [item for item in _read(folder / "splits.csv") if item.id.startswith(f"{domain}/")]


def _usps(folder: Path) -> Sequence[Item]:
    arrays = np.load(folder / "usps_mnist16.npz")
    images, labels = arrays["usps_images"], arrays["usps_labels"]
    return [
        Item(f"{place:05d}", ArraySource(image), str(label))
        for place, (image, label) in enumerate(zip(images, labels, strict=True))
    ]


def _files(folder: Path, label: Callable[[Path], str], is_test: Callable[[Path], bool]) -> Sequence[Item]:
    paths: Iterable[Path] = sorted(folder.rglob("*.png"))
    return [
        Item(str(path.relative_to(folder)), FileSource(path), label(path), split="test" if is_test(path) else "train")
        for path in paths
    ]
