"""``check``: the state of the data, found by looking at every item once, and whether transfer is appropriate here."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from headstart.core.errors import DataError, UnavailableError, UsageError
from headstart.core.progress import Progress, Silent
from headstart.data.checks import check_classes
from headstart.data.duplicates import NearPair, across_splits, equal_groups
from headstart.data.items import SPLITS, FileSource, ItemTable
from headstart.data.modality import Modality
from headstart.features.extraction import Extraction, extract, read_digests
from headstart.workflows.arrange import Arranged, DataOptions, arrange, find_near, leave_out_unreadable
from headstart.workflows.gather import BackboneOptions
from headstart.workflows.recognised import modality_of, read_items, recognised
from headstart.workflows.suitability import Suitability, look_at_suitability

_SHOWN = 50


@dataclass(frozen=True)
class CheckReport:
    """The state of some data.

    Attributes:
        origin: The data, as the user gave it.
        classes: Class name to number of items per split as given (``"none"`` where no split is given).
        items: Items that were found.
        readable: Items that can be decoded.
        item_word: What one item is called.
        size: Smallest, median and largest size, each two numbers.
        size_name: What these count: ``"width and height in pixels"``.
        excluded: What would be left out, by reason.
        ledger: Every entry of it.
        duplicates: Ids of items that are equal once decoded, a list per content.
        near: Pairs that look alike: ids, splits and difference.
        splits: How many items each split would get in a fit; empty where a fit is impossible.
        errors: What would stop a fit.
        warnings: What somebody should think about.
        suitability: Whether transfer is appropriate; ``None`` where that was not looked at.
        not_looked_at: Why it was not.
    """

    origin: str
    classes: dict[str, dict[str, int]]
    items: int
    readable: int
    item_word: str
    size: dict[str, list[int]]
    size_name: str
    excluded: dict[str, int]
    ledger: dict[str, Any]
    duplicates: list[list[str]]
    near: list[dict[str, Any]]
    splits: dict[str, int]
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    suitability: Suitability | None
    not_looked_at: str

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def check_data(data: DataOptions, backbone: BackboneOptions | None, *, progress: Progress | None = None) -> CheckReport:
    """Looks at every item and says what a fit would meet.

    Args:
        data: Which data, read how.
        backbone: Which backbone is to say whether transfer is appropriate; ``None`` looks at the data alone.
        progress: Who is told how far it is.
    """
    progress = progress or Silent()
    data = recognised(data)
    modality = modality_of(data)
    table = read_items(data.data, modality, data.columns)
    found = check_classes(table)
    found_items = len(table.items) + len(table.ledger.excluded)
    if not table.items:
        raise DataError.from_problems(f"{table.origin} cannot be looked at:", found.errors)
    _note_mismatches(table, modality)
    extraction = extract(table.items, read_digests(table.items), modality=modality, source=None, progress=progress)
    readable = leave_out_unreadable(table, extraction)
    near = find_near(readable, extraction, np.arange(len(readable.items)))
    equal = equal_groups(extraction.inspections)
    errors, arranged = list(found.errors), None
    if not errors:
        try:
            arranged = arrange(readable, extraction, data)
        except DataError as error:
            errors.append(str(error))
    try:
        suitability, not_looked_at = _suitability(arranged, data, backbone, progress)
    except UsageError as error:  # the backbone's name or licence; what is known of the data stays
        suitability, not_looked_at = None, "a fit would be refused"
        errors.append(str(error))
    return CheckReport(
        origin=table.origin,
        classes=_class_counts(table),
        items=found_items,
        readable=len(readable.items),
        item_word=modality.item_word,
        size=_sizes(extraction),
        size_name=modality.size_name,
        excluded=table.ledger.counts(),
        ledger=asdict(table.ledger),
        duplicates=[[readable.items[place].id for place in group] for group in equal[:_SHOWN]],
        near=[_pair(readable, pair) for pair in _across_first(readable, near)[:_SHOWN]],
        splits={str(split): len(arranged.rows(split)) for split in SPLITS} if arranged else {},
        errors=tuple(errors),
        warnings=found.warnings,
        suitability=suitability,
        not_looked_at=not_looked_at,
    )


def _suitability(
    arranged: Arranged | None, data: DataOptions, backbone: BackboneOptions | None, progress: Progress
) -> tuple[Suitability | None, str]:
    """Whether transfer is appropriate, or why that was not looked at."""
    if backbone is None:
        return None, "the data alone were asked for"
    if arranged is None:
        return None, "a fit would be refused"
    try:
        found = look_at_suitability(arranged, data.modality, backbone, seed=data.seed, progress=progress)
    except UnavailableError as error:
        return None, str(error)
    return found, "" if found else "the backbone has random weights, so there is nothing to transfer"


def _note_mismatches(table: ItemTable, modality: Modality) -> None:
    """Notes files whose ending says another format than their bytes; they are read by their bytes."""
    for item in table.items:
        if isinstance(item.source, FileSource) and (note := modality.mismatch(item.source.path)):
            table.ledger.notes.append(f"{item.id} {note}; it is read as such.")


def _class_counts(table: ItemTable) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {name: Counter() for name in table.classes}
    for item in table.items:
        if item.label is not None:
            counts[item.label][item.split or "none"] += 1
    return {name: dict(count) for name, count in counts.items()}


def _sizes(extraction: Extraction) -> dict[str, list[int]]:
    if not extraction.inspections:
        return {}
    sizes = np.array([inspection.size for inspection in extraction.inspections])
    return {
        "smallest": sizes.min(axis=0).tolist(),
        "median": np.median(sizes, axis=0).astype(int).tolist(),
        "largest": sizes.max(axis=0).tolist(),
    }


def _across_first(table: ItemTable, pairs: list[NearPair]) -> list[NearPair]:
    across = across_splits(table.items, pairs)
    first = set(across)
    return [*across, *(pair for pair in pairs if pair not in first)]


def _pair(table: ItemTable, pair: NearPair) -> dict[str, Any]:
    first, second = table.items[pair.first], table.items[pair.second]
    return {
        "first": first.id,
        "second": second.id,
        "first_split": first.split,
        "second_split": second.split,
        "difference": round(pair.difference, 4),
    }
