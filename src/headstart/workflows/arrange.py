"""From readable items to examples in splits: what stands twice is resolved, and missing splits are made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import DataError, UsageError
from headstart.data.checks import check_classes
from headstart.data.columns import Columns
from headstart.data.duplicates import NearPair, across_splits, near_pairs, remove_near, resolve_duplicates
from headstart.data.inspection import Inspection
from headstart.data.items import SPLITS, Item, ItemTable, Split, class_indices, groups_of
from headstart.data.splits import assign_splits, limit_per_class
from headstart.features.extraction import Extraction

#: Above so many items near duplicates are not looked for in a fit.
MOST_FOR_NEAR = 50_000

#: In place of a modality's name: whichever the data are.
ANY_MODALITY = "auto"


@dataclass(frozen=True)
class DataOptions:
    """Which data, read how.

    Attributes:
        data: A folder, a table or a name with a prefix.
        modality: Name of the modality; ``"auto"`` tells it by what is there.
        columns: Columns of a table, where the user named any.
        per_class: Keep only so many labelled examples per class to learn from; ``None`` keeps all.
        drop_near: Also remove near duplicates of test items from training.
        seed: For splits.
    """

    data: str
    modality: str = ANY_MODALITY
    columns: Columns | None = None
    per_class: int | None = None
    drop_near: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise UsageError(f"Expected a seed of 0 or more, but got {self.seed}; choose another number.")


@dataclass(frozen=True)
class Arranged:
    """Labelled examples in splits, and where each stands in the pass that was made over the data.

    Attributes:
        table: The examples, with name, origin and ledger of the data.
        places: ``(N,)``, each example's row in the extraction.
        labels: ``(N,)``, class indices.
        classes: Class names.
        inspections: What is known of each without a model.
        near: Near duplicates that stand in two splits, most alike first.
    """

    table: ItemTable
    places: NDArray[np.intp]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    inspections: tuple[Inspection, ...]
    near: tuple[NearPair, ...]

    @property
    def items(self) -> tuple[Item, ...]:
        """The examples; each has a label and a split."""
        return self.table.items

    def rows(self, split: Split) -> NDArray[np.intp]:
        """Places of a split's examples."""
        return np.array([place for place, item in enumerate(self.items) if item.split == split], dtype=np.intp)

    def groups(self, rows: NDArray[np.intp]) -> list[str] | None:
        """The groups of some examples; see :func:`headstart.data.items.groups_of`."""
        return groups_of([self.items[row] for row in rows])


def arrange(table: ItemTable, extraction: Extraction, data: DataOptions) -> Arranged:
    """Leaves out what stands in two splits, and makes the splits that are missing.

    Args:
        table: Labelled items that could be decoded; see :func:`leave_out_unreadable`.
        extraction: The pass that was made over them.
        data: How splits are made.
    """
    resolved, places = resolve_duplicates(table, extraction.inspections)
    placed = resolved.with_items(assign_splits(resolved.items, seed=data.seed))
    near = find_near(placed, extraction, places)
    if data.drop_near:
        placed, kept = remove_near(placed, near)
        places = places[kept]
        near = []
    if data.per_class is not None:
        placed, kept = _limited(placed, data)
        places = places[kept]
        near = _still_there(near, kept)
    _note_conversions(placed, [extraction.inspections[place] for place in places])
    refuse_what_is_left(placed)
    return Arranged(
        table=placed,
        places=places,
        labels=class_indices(placed.items, placed.classes),
        classes=placed.classes,
        inspections=tuple(extraction.inspections[place] for place in places),
        near=tuple(across_splits(placed.items, near)),
    )


def leave_out_unreadable(table: ItemTable, extraction: Extraction) -> ItemTable:
    """The items that could be decoded; the others go to the ledger, labels stay with their items."""
    if not len(extraction.readable):
        first, reason = next(iter(sorted(extraction.failures.items())))
        raise DataError(
            f"Expected at least one readable item in {table.origin}, but none of {len(table.items)} can be read; "
            f"the first is {table.items[first].id}: {reason}"
        )
    for place, reason in sorted(extraction.failures.items()):
        table.ledger.leave_out(table.items[place], "unreadable", reason)
    return table.with_items(table.items[place] for place in extraction.readable)


def refuse_what_is_left(table: ItemTable) -> None:
    """Stops where too little is left to learn from, choose by and judge on.

    Raises:
        DataError: Lists what is missing.
    """
    problems = [*check_classes(table).errors, *empty_splits(table), *lone_group(table.items)]
    if problems:
        reasons = ", ".join(f"{count} {reason}" for reason, count in table.ledger.counts().items())
        left_out = f" (left out: {reasons})" if reasons else ""
        raise DataError.from_problems(f"What is left of {table.origin}{left_out} cannot be learned from:", problems)


def empty_splits(table: ItemTable) -> list[str]:
    """What is wrong where nothing is left in a split."""
    there = {item.split for item in table.items}
    return [
        f"Expected examples in every split, but none is left in {split}; add some, or leave out fewer."
        for split in SPLITS
        if split not in there
    ]


def lone_group(items: Sequence[Item]) -> list[str]:
    """What is wrong with training items that are all of one group; empty where nothing is."""
    groups = groups_of([item for item in items if item.split == "train"])
    if groups is None or len(set(groups)) > 1:
        return []
    return [
        f"Expected two groups or more to train on, but all training examples are of the group {groups[0]!r}: how well "
        "a model does on another group cannot be told from one. Name another --group-column, or add groups."
    ]


def _note_conversions(table: ItemTable, inspections: Sequence[Inspection]) -> None:
    """One note for each kind of conversion that decoding made, with the number of items."""
    counts = Counter(note for inspection in inspections for note in inspection.notes)
    table.ledger.notes.extend(f"{count} items: {note}." for note, count in sorted(counts.items()))


def find_near(table: ItemTable, extraction: Extraction, places: NDArray[np.intp]) -> list[NearPair]:
    """Items that look alike without being equal; the ledger says so where there are too many items to look."""
    if len(places) > MOST_FOR_NEAR:
        table.ledger.notes.append(f"Near duplicates were not looked for among more than {MOST_FOR_NEAR:,} items.")
        return []
    found = [extraction.inspections[place] for place in places]
    hashes = np.array([inspection.near_hash for inspection in found], dtype=np.uint64)
    return [
        pair
        for pair in near_pairs(hashes, extraction.plain.select(places).take(slice(None)))
        if found[pair.first].content_digest != found[pair.second].content_digest
    ]


def _limited(table: ItemTable, data: DataOptions) -> tuple[ItemTable, NDArray[np.intp]]:
    chosen = {item.id for item in limit_per_class(table.items, cast(int, data.per_class), seed=data.seed)}
    kept = np.array([place for place, item in enumerate(table.items) if item.id in chosen], dtype=np.intp)
    table.ledger.notes.append(
        f"{len(table.items) - len(kept)} examples were set aside to keep {data.per_class} per class to learn from."
    )
    return table.with_items(table.items[place] for place in kept), kept


def _still_there(pairs: list[NearPair], kept: NDArray[np.intp]) -> list[NearPair]:
    place_of = {int(old): new for new, old in enumerate(kept)}
    return [
        NearPair(place_of[pair.first], place_of[pair.second], pair.bits, pair.difference)
        for pair in pairs
        if pair.first in place_of and pair.second in place_of
    ]
