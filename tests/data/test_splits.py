from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.core.errors import DataError
from headstart.data.items import BytesSource, Item
from headstart.data.splits import assign_splits, limit_per_class

SOURCE = BytesSource(b"")


def make(counts: dict[str, int], split=None, start: str = "") -> list[Item]:
    return [
        Item(f"{start}{label}/{n}", SOURCE, label, None, split) for label, count in counts.items() for n in range(count)
    ]


def tally(items) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for (label, split), count in Counter((item.label, item.split) for item in items).items():
        found[label][split] = count
    return dict(found)


def test_shares_are_kept_in_every_class():
    assert tally(assign_splits(make({"a": 100, "b": 40}), seed=0)) == {
        "a": {"train": 65, "validation": 15, "test": 20},
        "b": {"train": 26, "validation": 6, "test": 8},
    }


def test_small_classes():
    assert tally(assign_splits(make({"one": 1, "two": 2, "three": 3, "four": 4}), seed=0)) == {
        "one": {"train": 1},
        "two": {"train": 1, "test": 1},
        "three": {"train": 1, "validation": 1, "test": 1},
        "four": {"train": 2, "validation": 1, "test": 1},
    }


def test_given_splits_stay_and_only_missing_ones_are_made():
    train, test = make({"a": 20, "b": 20}, "train"), make({"a": 5, "b": 5}, "test", "test/")

    assigned = assign_splits(train + test, seed=0)

    assert all(item.split == "test" for item in assigned[40:])
    assert tally(assigned[:40]) == {label: {"train": 17, "validation": 3} for label in "ab"}
    assert assign_splits(assigned, seed=5) == assigned


def test_train_alone_gives_all_three_and_validation_alone_none():
    assert set(tally(assign_splits(make({"a": 20}, "train"), seed=0))["a"]) == {"train", "validation", "test"}
    with pytest.raises(DataError, match="all 3 are in validation"):
        assign_splits(make({"a": 3}, "validation"), seed=0)


def test_an_items_split_does_not_depend_on_the_order_of_files():
    items = [replace(item, group=f"g{n // 3}" if n % 2 else None) for n, item in enumerate(make({"a": 50, "b": 30}))]

    there = {item.id: item.split for item in assign_splits(items, seed=3)}
    back = {item.id: item.split for item in assign_splits(items[::-1], seed=3)}

    assert there == back


def test_a_new_item_moves_few_others():
    items = make({"a": 200})
    before = {item.id: item.split for item in assign_splits(items, seed=0)}
    after = {item.id: item.split for item in assign_splits([*items, *make({"a": 10}, start="new/")], seed=0)}

    assert sum(after[name] != split for name, split in before.items()) <= 10


def test_seeds_draw_differently():
    items = make({"a": 50})

    assert assign_splits(items, seed=0) != assign_splits(items, seed=1)
    assert assign_splits(items, seed=1) == assign_splits(items, seed=1)


def test_items_without_a_split_follow_their_group():
    items = [
        Item("t", SOURCE, "a", "p1", "test"),
        Item("x", SOURCE, "a", "p1"),
        *make({"a": 10, "b": 10}),
    ]

    assert assign_splits(items, seed=0)[1].split == "test"


def test_too_few_groups_are_an_error():
    items = [replace(item, group="p1" if n % 2 else "p2") for n, item in enumerate(make({"a": 10, "b": 10}))]

    with pytest.raises(DataError, match="validation split, but there are 20 in 2 groups"):
        assign_splits(items, seed=0)


@st.composite
def grouped_items(draw):
    labels = draw(st.lists(st.sampled_from("abcd"), min_size=30, max_size=120))
    groups = draw(st.lists(st.one_of(st.none(), st.integers(0, 25)), min_size=len(labels), max_size=len(labels)))
    return [
        Item(f"i{place:03d}", SOURCE, label, None if group is None else f"g{group}")
        for place, (label, group) in enumerate(zip(labels, groups, strict=True))
    ]


@given(items=grouped_items(), seed=st.integers(0, 99))
@settings(max_examples=80)
def test_groups_never_leak_and_training_has_every_class(items, seed):
    try:
        assigned = assign_splits(items, seed=seed)
    except DataError:
        assert len({item.group or item.id for item in items}) < 12
        return

    splits_of = defaultdict(set)
    for item in assigned:
        splits_of[item.group or item.id].add(item.split)
    assert all(len(splits) == 1 for splits in splits_of.values())
    assert {item.label for item in assigned if item.split == "train"} == {item.label for item in items}
    assert [item.id for item in assigned] == [item.id for item in items]


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(3, 60), min_size=1), st.integers(0, 99))
@settings(max_examples=60)
def test_every_split_gets_its_share_of_every_class(counts, seed):
    for label, found in tally(assign_splits(make(counts), seed=seed)).items():
        assert abs(found["test"] - 0.2 * counts[label]) <= 1
        assert abs(found["validation"] - 0.15 * counts[label]) <= 1
        assert sum(found.values()) == counts[label]


def test_large_groups_come_near_the_shares():
    items = [
        replace(item, group=f"{item.label}{int(item.id.split('/')[1]) // 5}") for item in make({"a": 200, "b": 100})
    ]

    for label, found in tally(assign_splits(items, seed=0)).items():
        size = {"a": 200, "b": 100}[label]
        assert abs(found["test"] - 0.2 * size) <= 5
        assert abs(found["validation"] - 0.15 * size) <= 5


def test_limit_counts_training_and_validation_together():
    items = assign_splits(make({"a": 100, "b": 50, "c": 4}), seed=0)

    limited = tally(limit_per_class(items, 10, seed=0))

    assert limited["a"] == {"train": 8, "validation": 2, "test": 20}
    assert limited["b"] == {"train": 8, "validation": 2, "test": 10}
    assert limited["c"] == {"train": 2, "validation": 1, "test": 1}
    assert tally(limit_per_class(items, 1, seed=0))["a"] == {"train": 1, "test": 20}


def test_a_smaller_limit_keeps_a_subset_in_any_order():
    items = assign_splits(make({"a": 100}), seed=0)

    ten = {item.id for item in limit_per_class(items, 10, seed=4)}
    assert {item.id for item in limit_per_class(items, 5, seed=4)} < ten
    assert {item.id for item in limit_per_class(items[::-1], 10, seed=4)} == ten
    with pytest.raises(DataError, match="at least 1"):
        limit_per_class(items, 0, seed=0)
