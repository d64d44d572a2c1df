"""Splits: made where they are missing, stratified, grouped, and the same whatever the order of files.

Every draw is a hash of the seed and the item's id (or its group's name), never a place in a list. So a new
file moves only the few others that its class's quota moves, and listing a folder in another order moves
nothing.

How many of a class's *n* items a split gets: ``max(1, round(share · n))``, as long as training keeps at least
one. A class of one stays in training; a class of two gives one to the test split (or to validation, where
only that is made). Groups are placed whole, the largest first, where they overfill a class's quotas least;
single items then fill the quotas exactly.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from headstart.core.errors import DataError
from headstart.data.items import SPLITS, Item, Split

_ORDER: tuple[Split, ...] = ("test", "validation", "train")
Quotas = dict[str | None, dict[Split, int]]


@dataclass(frozen=True, slots=True)
class _Unit:
    """Items of one group, which must stay together."""

    name: str
    items: tuple[Item, ...]
    classes: Counter[str | None]


def assign_splits(
    items: Sequence[Item],
    *,
    seed: int,
    share_validation: float = 0.15,
    share_test: float = 0.2,
) -> tuple[Item, ...]:
    """Gives every item a split; given ones stay, but missing ones are carved from training.

    ==================  =======================================================
    given               made
    ==================  =======================================================
    nothing             all three
    train, test         validation, from training
    train               validation and test, from training
    train, validation   test, from training
    all three           nothing; items without a split join training
    ==================  =======================================================

    Args:
        items: The items.
        seed: Of all draws.
        share_validation: Share of the items to be divided that validation gets, in (0, 1).
        share_test: Share of the items to be divided that the test split gets, in (0, 1).

    Returns:
        The items in the same order, all with a split.

    Raises:
        DataError: There is nothing to train on, or too few items or groups for the splits that must be made.
    """
    given = {item.split for item in items if item.split is not None}
    joined = _joining_their_group(items)
    pool = [item for item in items if item.split in {None, "train"} and item.id not in joined]
    if not pool:
        raise DataError(
            f"Expected items to train on, but all {len(items)} are in "
            f"{' and '.join(sorted(given)) or 'no split'}; add a train folder."
        )
    shares: dict[Split, float] = {"test": share_test, "validation": share_validation}
    missing = {split: share for split, share in shares.items() if split not in given}
    placed = _place(pool, missing, seed=seed) | joined
    _refuse_empty(placed, missing, pool)
    return tuple(replace(item, split=placed[item.id]) if item.id in placed else item for item in items)


def limit_per_class(items: Sequence[Item], count: int, *, seed: int) -> tuple[Item, ...]:
    """Keeps ``count`` labelled examples of each class to learn from; the test split is untouched.

    Training and validation together count: with ``count`` = 10, ten labels of a class are all that anything
    learns or chooses from. They are divided as that class was, ``max(1, round(count · v / (t + v)))`` for
    validation if ``count`` ≥ 2 and the class has any there, the rest for training; a smaller limit keeps a
    subset in each split.

    Args:
        items: Items that are all in splits.
        count: Examples of each class, at least 1.
        seed: Of the draw.

    Returns:
        The items that stay, in the same order.

    Raises:
        DataError: ``count`` is less than 1.
    """
    if count < 1:
        raise DataError(f"Expected at least 1 example of each class, but got {count}.")
    by_class: dict[str | None, dict[Split, list[Item]]] = defaultdict(lambda: {"train": [], "validation": []})
    for item in items:
        if item.split in {"train", "validation"}:
            by_class[item.label][item.split].append(item)
    kept: set[str] = set()
    for parts in by_class.values():
        for split, most in _limits(len(parts["train"]), len(parts["validation"]), count).items():
            kept.update(sorted((item.id for item in parts[split]), key=_draw(seed))[:most])
    return tuple(item for item in items if item.split == "test" or item.id in kept)


def _limits(train: int, validation: int, count: int) -> dict[Split, int]:
    wanted = max(1, round(count * validation / (train + validation))) if count > 1 and validation else 0
    wanted = min(wanted, validation)
    return {"train": count - wanted, "validation": wanted}


def _joining_their_group(items: Iterable[Item]) -> dict[str, Split]:
    """Items without a split whose group stands in a given validation or test split: they follow it."""
    stands = {item.group: item.split for item in items if item.group and item.split in {"validation", "test"}}
    return {item.id: stands[item.group] for item in items if item.split is None and item.group in stands}


def _place(pool: Sequence[Item], shares: dict[Split, float], *, seed: int) -> dict[str, Split]:
    """Item id to split: groups first, then the items on their own."""
    draw = _draw(seed)
    quotas = _quotas(Counter(item.label for item in pool), shares)
    filled: Quotas = {label: dict.fromkeys(SPLITS, 0) for label in quotas}
    singles: dict[str | None, list[str]] = defaultdict(list)
    groups: dict[str, list[Item]] = defaultdict(list)
    for item in pool:
        if item.group is None:
            singles[item.label].append(item.id)
        else:
            groups[item.group].append(item)
    placed = _place_groups(_units(groups, draw), quotas, filled, on_their_own=set(singles))
    for label, names in singles.items():
        placed.update(_place_singles(sorted(names, key=draw), quotas[label], filled[label]))
    return placed


def _quotas(sizes: Counter[str | None], shares: dict[Split, float]) -> Quotas:
    quotas: Quotas = {}
    for label, size in sizes.items():
        left = size
        quotas[label] = dict.fromkeys(SPLITS, 0)
        for split, share in shares.items():
            quotas[label][split] = min(max(1, round(share * size)), left - 1)
            left -= quotas[label][split]
        quotas[label]["train"] = left
    return quotas


def _place_singles(names: Sequence[str], quota: dict[Split, int], filled: dict[Split, int]) -> dict[str, Split]:
    """Fills what groups have left of one class's quotas, one split after the other: a new item moves few others."""
    order: list[Split] = [] if filled["train"] else ["train"]  # no class may be missing in training
    for split in _ORDER:
        room = quota[split] - filled[split] - (split == "train" and not filled["train"])
        order += [split] * max(0, room)
    order += ["train"] * max(0, len(names) - len(order))
    return dict(zip(names, order, strict=False))


def _units(groups: dict[str, list[Item]], draw: Callable[[str], bytes]) -> list[_Unit]:
    """The groups, the largest first."""
    units = [_Unit(name, tuple(unit), Counter(item.label for item in unit)) for name, unit in groups.items()]
    return sorted(units, key=lambda unit: (-len(unit.items), draw(unit.name)))


def _place_groups(
    units: Sequence[_Unit], quotas: Quotas, filled: Quotas, *, on_their_own: set[str | None]
) -> dict[str, Split]:
    placed: dict[str, Split] = {}

    def put(unit: _Unit, split: Split) -> None:
        for label, count in unit.classes.items():
            filled[label][split] += count
        placed.update((item.id, split) for item in unit.items)

    for unit in _first_of_each_class(units, covered=on_their_own):
        put(unit, "train")
    for unit in units:
        if unit.items[0].id not in placed:
            put(unit, _best_split(unit, quotas, filled))
    return placed


def _first_of_each_class(units: Sequence[_Unit], *, covered: set[str | None]) -> list[_Unit]:
    """For each class that is found in groups only, one that goes to training; the rarest classes choose first."""
    holding: dict[str | None, list[_Unit]] = defaultdict(list)
    for unit in units:
        for label in unit.classes:
            holding[label].append(unit)
    chosen: list[_Unit] = []
    covered = set(covered)
    for label in sorted(holding, key=lambda label: (len(holding[label]), str(label))):
        if label not in covered:
            chosen.append(holding[label][0])
            covered.update(chosen[-1].classes)
    return chosen


def _best_split(unit: _Unit, quotas: Quotas, filled: Quotas) -> Split:
    """Where a group overfills its classes least; among equals where the largest share is still open."""

    def cost(split: Split) -> tuple[int, float]:
        wanted = sum(quotas[label][split] for label in unit.classes)
        after = sum(filled[label][split] + count for label, count in unit.classes.items())
        over = sum(max(0, filled[label][split] + count - quotas[label][split]) for label, count in unit.classes.items())
        return over, after / max(wanted, 0.5)

    return min(_ORDER, key=cost)


def _refuse_empty(placed: dict[str, Split], missing: Iterable[Split], pool: Sequence[Item]) -> None:
    empty = [split for split in missing if split not in placed.values()]
    if empty:
        groups = len({item.group or item.id for item in pool})
        raise DataError(
            f"Expected enough items for a {' and a '.join(empty)} split, but there are {len(pool)} in "
            f"{groups} groups (items that belong together stay together); add items, or put them into splits "
            "yourself."
        )


def _draw(seed: int) -> Callable[[str], bytes]:
    start = hashlib.blake2b(f"{seed}:".encode(), digest_size=8)

    def draw(name: str) -> bytes:
        state = start.copy()
        state.update(name.encode())
        return state.digest()

    return draw
