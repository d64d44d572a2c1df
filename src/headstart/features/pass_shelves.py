"""The shelves of one pass over the data: features by stage, what is known of each item without a model, plain forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.data.inspection import Inspection
from headstart.features.store import Shelf, Table

_INSPECTION_ROW = np.dtype([("content", "u1", 32), ("near", "u8"), ("size", "i4", 2), ("notes", "S200")])


@dataclass(frozen=True)
class PassShelves:
    """Where everything that a pass brings is kept.

    Attributes:
        features: By stage.
        seen: Inspections, as :func:`inspection_row` writes them.
        plain: What the plain baseline learns from.
    """

    features: Mapping[str, Shelf]
    seen: Shelf
    plain: Shelf

    @property
    def all(self) -> tuple[Shelf, ...]:
        """Every one of them."""
        return (*self.features.values(), self.seen, self.plain)

    def missing(self, digests: Sequence[str], places: Sequence[int]) -> list[int]:
        """Those of the places whose item lacks a row on any shelf, each content once per shelf."""
        values = [digests[place] for place in places]
        return sorted({places[index] for shelf in self.all for index in shelf.missing(values)})

    def missing_features(self, digests: Sequence[str], places: Sequence[int]) -> set[int]:
        """Those of the places whose item lacks the features of any stage."""
        values = [digests[place] for place in places]
        return {places[index] for shelf in self.features.values() for index in shelf.missing(values)}

    def inspections(self, digests: Sequence[str]) -> tuple[Inspection, ...]:
        """What is kept of items by their digests, in this order."""
        return tuple(map(_inspection, opened(self.seen, digests).take(slice(None))))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds all of them; in one order for all processes, so that two cannot wait for each other."""
        with ExitStack() as stack:
            for shelf in sorted(self.all, key=lambda shelf: shelf.folder):
                stack.enter_context(shelf.writing())
            yield


def opened(shelf: Shelf, digests: Sequence[str]) -> Table:
    """The rows of items by their digests, others' new ones among them."""
    shelf.missing(digests)
    return shelf.table(digests)


def inspection_row(inspection: Inspection) -> NDArray[np.void]:
    """What there is to know of an item, as a row of a shelf."""
    row = np.zeros((), dtype=_INSPECTION_ROW)
    row["content"] = np.frombuffer(bytes.fromhex(inspection.content_digest), dtype=np.uint8)
    row["near"] = inspection.near_hash
    row["size"] = inspection.size
    row["notes"] = "\n".join(inspection.notes).encode()
    return row


def _inspection(row: NDArray[np.void]) -> Inspection:
    notes = bytes(row["notes"]).decode(errors="ignore")
    return Inspection(
        content_digest=row["content"].tobytes().hex(),
        near_hash=int(row["near"]),
        size=(int(row["size"][0]), int(row["size"][1])),
        notes=tuple(notes.split("\n")) if notes else (),
    )
