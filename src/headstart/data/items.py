"""What the user has: a table of items, and a ledger of everything that was left out and why."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import DataError

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")

#: Something decoded, in the modality's canonical form: an RGB picture, a text, a waveform.
Content = bytes | NDArray[np.uint8]


class UnreadableError(DataError):
    """The content of one item cannot be decoded.

    Args:
        kind: A short constant phrase, the same for all of a kind: ``"truncated"``, ``"too large"``.
        message: What exactly is wrong, for the ledger.
    """

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(f"{kind}: {message}")


class Source(Protocol):
    """Where the content of one item comes from."""

    def read(self) -> Content:
        """The encoded bytes, or an array where the data came as one."""


def content_digest(content: Content) -> str:
    """SHA-256 of the content, in hexadecimal: the item's identity in every cache.

    Of an array it is the hash of shape and values.
    """
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha256(f"{content.shape}".encode() + content.tobytes()).hexdigest()


@dataclass(frozen=True, slots=True)
class FileSource:
    """An item in a file of its own."""

    path: Path

    def read(self) -> bytes:
        """The file's bytes."""
        return self.path.read_bytes()


@dataclass(frozen=True, slots=True)
class BytesSource:
    """An item whose encoded bytes came inside a table."""

    content: bytes

    def read(self) -> bytes:
        """The bytes."""
        return self.content


@dataclass(frozen=True, slots=True, eq=False)
class ArraySource:
    """An item that came as numbers: a picture of shape ``(H, W)`` or ``(H, W, 3)``."""

    array: NDArray[np.uint8]

    def read(self) -> NDArray[np.uint8]:
        """The array."""
        return self.array


@dataclass(frozen=True, slots=True)
class Item:
    """One example.

    Attributes:
        id: What people call it: a path relative to the data, or a row's name. Unique in its table.
        source: Where its content comes from.
        label: Class name; ``None`` where nobody has labelled it.
        group: Items of one group (a patient, a camera, a writer) never stand in two splits.
        split: Where the data's owner put it; ``None`` where headstart is to decide.
    """

    id: str
    source: Source
    label: str | None = None
    group: str | None = None
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class Exclusion:
    """One thing that was left out.

    Attributes:
        id: The item's id, or the path that was passed over.
        reason: A short constant phrase, the same for all of a kind: ``"unreadable"``, ``"duplicate"``, ``"not
            an image"``.
        detail: What exactly was found, and where.
    """

    id: str
    reason: str
    detail: str = ""


@dataclass
class Ledger:
    """Everything that was left out or deserves a word; nothing disappears without standing here.

    Attributes:
        excluded: Items that would have been used, had they been usable.
        ignored: Files that nobody meant as data (``.DS_Store``, ``.ipynb_checkpoints``): reason to paths.
        empty_classes: Class folders that hold nothing usable, as paths relative to the data.
        notes: Sentences about the data as a whole.
    """

    excluded: list[Exclusion] = field(default_factory=list)
    ignored: list[Exclusion] = field(default_factory=list)
    empty_classes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def leave_out(self, item: Item, reason: str, detail: str) -> None:
        """Notes that an item is not used."""
        self.excluded.append(Exclusion(item.id, reason, detail))

    def counts(self) -> dict[str, int]:
        """How many items were left out for each reason."""
        return dict(Counter(entry.reason for entry in self.excluded))


@dataclass(frozen=True)
class ItemTable:
    """The items of one data set, in a stable order, and the ledger of what is not among them.

    Attributes:
        name: A short name for reports and run folders: the folder's name, or the data set's.
        origin: What the user gave, as text.
        items: The items, ordered by id.
        ledger: What was left out.
    """

    name: str
    origin: str
    items: tuple[Item, ...]
    ledger: Ledger

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names that occur, sorted; digits sort by value."""
        return sort_class_names({item.label for item in self.items if item.label is not None})

    def with_items(self, items: Iterable[Item]) -> ItemTable:
        """The same table with other items."""
        return ItemTable(self.name, self.origin, tuple(items), self.ledger)


def groups_of(items: Sequence[Item]) -> list[str] | None:
    """The group of each item, one without being a group of its own; ``None`` where nobody has one."""
    if all(item.group is None for item in items):
        return None
    return [item.group or f"alone: {item.id}" for item in items]


def class_indices(items: Sequence[Item], classes: Sequence[str]) -> NDArray[np.int64]:
    """The place of each item's label among the class names, ``(N,)``."""
    place = {name: index for index, name in enumerate(classes)}
    return np.array([place[str(item.label)] for item in items], dtype=np.int64)


def sort_class_names(names: Iterable[str]) -> tuple[str, ...]:
    """Class names in reading order: as numbers where all of them are numbers, else as text."""
    unique: Sequence[str] = sorted(set(names))
    if unique and all(name.isdecimal() for name in unique):
        unique = sorted(unique, key=int)
    return tuple(unique)
