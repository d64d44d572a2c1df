"""Items that stand more than once: equal once decoded, or nearly so.

Equal ones are settled here: an item that also stands in the test split would flatter every figure. Nearly
equal ones are reported and, unless the user says otherwise, kept: a perceptual hash alone would delete half
of MNIST, so a pair counts only if the small canonical forms agree too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.inspection import Inspection
from headstart.data.items import Exclusion, Item, ItemTable, Split

#: Hashes of near duplicates differ in at most this many of 64 bits.
MOST_BITS = 3

#: Canonical forms of near duplicates differ by at most this share of the first one's own variation: the mean
#: absolute difference between the two over the mean absolute deviation of the first from its mean. Photos
#: that were compressed again or halved in size stay below it in 98 of 100 cases; among 8,000 different MNIST
#: digits 30 pairs fall below. Of texts in which one word was exchanged, all reviews of 1,000 characters, 3 of 4
#: headlines of 190 and 1 of 3 sentences of 100 stay below it and near in their hashes; different texts differ by 0.47.
MOST_DIFFERENCE = 0.08

#: The search for near duplicates stops at this many pairs: frames of a film would give millions.
MOST_PAIRS = 20_000

_BLANK = 2.0  # a form that varies by less than so many levels looks like every other blank one
_BANDS = 4
_BAND_BITS = 16
_CHUNK = 512
_BLOCKS = 64
_SHOWN = 20
_RANK: dict[Split | None, int] = {"test": 0, "validation": 1, "train": 2, None: 3}


@dataclass(frozen=True, slots=True)
class NearPair:
    """Two items that look alike without being equal.

    Attributes:
        first: Place of the one in the table.
        second: Place of the other, greater than ``first``.
        bits: In how many bits their hashes differ.
        difference: See :data:`MOST_DIFFERENCE`.
    """

    first: int
    second: int
    bits: int
    difference: float


def equal_groups(inspections: Sequence[Inspection]) -> list[list[int]]:
    """Places of items that are equal once decoded, one list for each content that stands more than once."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, inspection in enumerate(inspections):
        places[inspection.content_digest].append(place)
    return [group for group in places.values() if len(group) > 1]


def resolve_duplicates(table: ItemTable, inspections: Sequence[Inspection]) -> tuple[ItemTable, NDArray[np.intp]]:
    """Sees to it that no content stands in two splits.

    Of equal items in different given splits those in the test split stay, else those in validation; the
    others go to the ledger with their twin's id. Equal items of one split stay and are noted. Those in training,
    which validation may be carved from, or in no split yet become one group, so that they end up together. The
    same content under different labels is noted, each time.

    Args:
        table: The items.
        inspections: One for each item, in the same order.

    Returns:
        The table that remains, and the places in ``table.items`` of what remains.
    """
    groups = equal_groups(inspections)
    _note_contradictions(table, groups)
    dropped = dict(_twins_in_better_splits(table.items, groups))
    for place, twin in sorted(dropped.items()):
        item, other = table.items[place], table.items[twin]
        detail = f"equal once decoded to {other.id} ({other.split}); it stood in {item.split or 'no split yet'}"
        table.ledger.excluded.append(Exclusion(item.id, "duplicate", detail))
    left = [[place for place in group if place not in dropped] for group in groups]
    if repeated := sum(len(group) - 1 for group in left):
        table.ledger.notes.append(f"{repeated} items repeat another one of the same split; they were kept.")
    grouped = _as_groups(table.items, left)
    kept = np.array([place for place in range(len(grouped)) if place not in dropped], dtype=np.intp)
    return table.with_items(grouped[place] for place in kept), kept


def near_pairs(
    hashes: NDArray[np.uint64],
    forms: NDArray[np.uint8],
    *,
    most_bits: int = MOST_BITS,
    most_difference: float = MOST_DIFFERENCE,
    most_pairs: int = MOST_PAIRS,
) -> list[NearPair]:
    """Pairs that look alike: near in their hashes and confirmed on their canonical forms.

    Hashes that differ in at most 3 bits agree on at least one of four bands of 16 bits (the pigeonhole
    principle), so only items that share a band are compared.

    Args:
        hashes: ``(N,)``, 64 bits each.
        forms: ``(N, D)``, the small canonical forms.
        most_bits: Largest Hamming distance, 0 to 3.
        most_difference: Largest relative difference of the forms; see :data:`MOST_DIFFERENCE`.
        most_pairs: The search stops once it has found this many.

    Returns:
        The pairs, most alike first; where there are ``most_pairs`` of them, there may be more. Equal forms are pairs
        too; blank ones, which vary by less than two levels, are not.
    """
    variation = _in_pieces(forms, _variation)
    told = np.flatnonzero(variation >= _BLANK)
    confirm = _Confirmation(forms, variation, most_difference)
    found: list[NearPair] = []
    for first, second in _sharing_a_band(hashes[told], most_bits):
        for a, b, difference in confirm(told[first], told[second]):
            found.append(NearPair(a, b, int(np.bitwise_count(hashes[a] ^ hashes[b])), difference))
        if len(found) >= most_pairs:
            break
    found.sort(key=lambda pair: (pair.difference, pair.bits, pair.first, pair.second))
    return found[:most_pairs]


def across_splits(items: Sequence[Item], pairs: Iterable[NearPair]) -> list[NearPair]:
    """The pairs whose items stand in two different splits."""
    return [pair for pair in pairs if items[pair.first].split != items[pair.second].split]


def remove_near(table: ItemTable, pairs: Iterable[NearPair]) -> tuple[ItemTable, NDArray[np.intp]]:
    """Removes items that look like one of a better split: test before validation before training.

    Args:
        table: Items that are in splits.
        pairs: From :func:`near_pairs`.

    Returns:
        The table that remains, and the places in ``table.items`` of what remains.
    """
    dropped: dict[int, int] = {}
    for pair in across_splits(table.items, pairs):
        better, worse = sorted((pair.first, pair.second), key=lambda place: _RANK[table.items[place].split])
        dropped.setdefault(worse, better)
    for place, twin in sorted(dropped.items()):
        other = table.items[twin]
        detail = f"looks like {other.id} ({other.split})"
        table.ledger.excluded.append(Exclusion(table.items[place].id, "near duplicate", detail))
    kept = np.array([place for place in range(len(table.items)) if place not in dropped], dtype=np.intp)
    return table.with_items(table.items[place] for place in kept), kept


def _twins_in_better_splits(items: Sequence[Item], groups: list[list[int]]) -> Iterator[tuple[int, int]]:
    for group in groups:
        best = min(group, key=lambda place: (_RANK[items[place].split], place))
        if items[best].split in {"test", "validation"}:
            yield from ((place, best) for place in group if items[place].split != items[best].split)


def _note_contradictions(table: ItemTable, groups: list[list[int]]) -> None:
    contradicting = [group for group in groups if len({table.items[place].label for place in group}) > 1]
    for group in contradicting[:_SHOWN]:
        names = ", ".join(f"{table.items[place].id} ({table.items[place].label})" for place in group[:6])
        table.ledger.notes.append(f"The same content has different labels: {names}.")
    if len(contradicting) > _SHOWN:
        more = len(contradicting) - _SHOWN
        table.ledger.notes.append(f"The same content has different labels in {more} more cases.")


def _as_groups(items: Sequence[Item], groups: list[list[int]]) -> list[Item]:
    """Joins equal items and the groups they are in into one group each (union-find over group names)."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.get(name, name) != name:
            name = parent[name]
        return name

    renamed = list(items)
    for group in groups:
        if items[group[0]].split in {"test", "validation"}:
            continue
        own = f"equal to {items[group[0]].id}"
        roots = sorted({root(renamed[place].group or own) for place in group})
        for other in roots[1:]:
            parent[other] = roots[0]
        for place in group:
            renamed[place] = replace(items[place], group=renamed[place].group or own)
    return [replace(item, group=root(item.group)) if item.group in parent else item for item in renamed]


def _sharing_a_band(hashes: NDArray[np.uint64], most_bits: int) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Pairs of places whose hashes agree on a band and differ in at most ``most_bits`` bits, in pieces.

    Sorted by a band, items that share its value stand side by side; step by step each is compared with its
    next neighbour but one, but two, ..., as long as any still shares the value.
    """
    for band in range(_BANDS):
        values = (hashes >> np.uint64(band * _BAND_BITS)).astype(np.uint16)
        order = np.argsort(values, kind="stable")
        ordered, ordered_hashes = values[order], hashes[order]
        active, step = np.arange(len(order)), 1
        while len(active := active[active + step < len(order)]):
            active = active[ordered[active] == ordered[active + step]]
            apart = ordered_hashes[active] ^ ordered_hashes[active + step]
            near = active[(np.bitwise_count(apart) <= most_bits) & ~_share_an_earlier(band, apart)]
            if len(near):
                yield order[near], order[near + step]
            step += 1


def _share_an_earlier(band: int, apart: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether two hashes, given by where they differ, agree on a band before this one: then they were compared."""
    found = np.zeros(len(apart), dtype=np.bool_)
    for earlier in range(band):
        found |= (apart >> np.uint64(earlier * _BAND_BITS)).astype(np.uint16) == 0
    return found


class _Confirmation:
    """Compares canonical forms, first by the sums of a few blocks: they can only understate a difference."""

    def __init__(self, forms: NDArray[np.uint8], variation: NDArray[np.float32], most_difference: float) -> None:
        self._forms = forms
        self._sums = _in_pieces(forms, _block_sums)
        self._variation = variation
        self._most = most_difference

    def __call__(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> Iterator[tuple[int, int, float]]:
        first, second = np.minimum(first, second), np.maximum(first, second)
        for start in range(0, len(first), _CHUNK):
            one, other = first[start : start + _CHUNK], second[start : start + _CHUNK]
            least = np.abs(self._sums[one] - self._sums[other]).sum(axis=1) / self._forms.shape[1]
            possible = least <= self._most * self._variation[one]
            one, other = one[possible], other[possible]
            relative = self._mean_difference(one, other) / self._variation[one]
            for index in np.flatnonzero(relative <= self._most):
                yield int(one[index]), int(other[index]), float(relative[index])

    def _mean_difference(self, one: NDArray[np.intp], other: NDArray[np.intp]) -> NDArray[np.float64]:
        a, b = self._forms[one], self._forms[other]
        apart = np.maximum(a, b) - np.minimum(a, b)  # bytes are subtracted without becoming floats
        mean: NDArray[np.float64] = apart.sum(axis=1, dtype=_exact(self._forms)) / self._forms.shape[1]
        return mean


def _in_pieces(forms: NDArray[Any], measure: Callable[[NDArray[Any]], NDArray[Any]]) -> NDArray[Any]:
    return np.concatenate([measure(forms[start : start + _CHUNK]) for start in range(0, max(1, len(forms)), _CHUNK)])


def _block_sums(forms: NDArray[Any]) -> NDArray[Any]:
    starts = np.unique(np.linspace(0, forms.shape[1], _BLOCKS, endpoint=False, dtype=np.intp))
    return np.add.reduceat(forms, starts, axis=1, dtype=_exact(forms))


def _exact(forms: NDArray[Any]) -> type[np.generic]:
    """The type in which sums of such values lose nothing."""
    return np.float64 if forms.dtype.kind == "f" else np.int32


def _variation(forms: NDArray[Any]) -> NDArray[np.float32]:
    values = forms.astype(np.float32)
    deviation: NDArray[np.float32] = np.abs(values - values.mean(axis=1, keepdims=True)).mean(axis=1)
    return deviation
