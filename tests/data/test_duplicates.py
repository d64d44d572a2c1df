import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.data.duplicates import (
    MOST_DIFFERENCE,
    MOST_PAIRS,
    across_splits,
    equal_groups,
    near_pairs,
    remove_near,
    resolve_duplicates,
)
from headstart.data.inspection import Inspection
from headstart.data.items import BytesSource, Item, ItemTable, Ledger
from headstart.data.splits import assign_splits
from headstart.modalities.image import IMAGE


def table_of(*rows):
    """Rows of (content, split, label, group)."""
    items, inspections = [], []
    for place, (content, *more) in enumerate(rows):
        split, label, group = (*more, None, None, None)[:3]
        items.append(Item(f"i{place}", BytesSource(b""), label or "a", group, split))
        inspections.append(Inspection(content, 0, (1, 1)))
    return ItemTable("t", "t", tuple(items), Ledger()), inspections


def test_equal_groups():
    assert equal_groups(table_of(("x",), ("y",), ("x",), ("z",), ("y",), ("x",))[1]) == [[0, 2, 5], [1, 4]]


def test_the_better_split_keeps_its_item():
    table, inspections = table_of(
        ("x", "train"),
        ("x", "test"),
        ("y", "validation"),
        ("y", "train"),
        ("z", "validation"),
        ("z", "test"),
        ("w", "train"),
    )

    resolved, kept = resolve_duplicates(table, inspections)

    assert [item.id for item in resolved.items] == ["i1", "i2", "i5", "i6"]
    assert kept.tolist() == [1, 2, 5, 6]
    assert [(entry.id, entry.reason) for entry in table.ledger.excluded] == [
        (f"i{place}", "duplicate") for place in (0, 3, 4)
    ]
    assert "i1 (test)" in table.ledger.excluded[0].detail


def test_equal_items_of_one_split_stay_and_are_noted():
    table, inspections = table_of(("x", "train"), ("x", "train"), ("x", "train"))

    resolved, _ = resolve_duplicates(table, inspections)

    assert [item.id for item in resolved.items] == ["i0", "i1", "i2"]
    assert "2 items repeat another one" in table.ledger.notes[0]


def test_copies_in_training_stay_together_when_validation_is_carved_from_it():
    table, inspections = table_of(*((f"c{n // 2}", "train") for n in range(40)), *((f"t{n}", "test") for n in range(5)))

    resolved, _ = resolve_duplicates(table, inspections)
    splits = [item.split for item in assign_splits(resolved.items, seed=0)]

    assert splits.count("validation") == 6
    assert splits[0:40:2] == splits[1:40:2]


def test_one_content_with_two_labels_is_noted():
    table, inspections = table_of(("x", "train", "cat"), ("x", "train", "dog"), ("y", "train", "dog"))

    resolve_duplicates(table, inspections)

    assert "i0 (cat), i1 (dog)" in table.ledger.notes[0]


def test_undivided_equal_items_become_one_group_together_with_their_groups():
    table, inspections = table_of(
        ("x", None, "a", "p1"),
        ("x", None, "a", "p2"),
        ("y", None, "a", "p2"),
        ("y",),
        ("z", None, "a", "p3"),
        ("w",),
        ("w",),
    )

    resolved, _ = resolve_duplicates(table, inspections)
    groups = [item.group for item in resolved.items]

    assert len({*groups[:4]}) == 1
    assert groups[4] == "p3"
    assert groups[5] == groups[6] != groups[0]


def brute_force(hashes, forms):
    found = set()
    for a, b in itertools.combinations(range(len(hashes)), 2):
        one, other = forms[a].astype(float), forms[b].astype(float)
        variation = max(1.0, np.abs(one - one.mean()).mean())
        if (int(hashes[a]) ^ int(hashes[b])).bit_count() <= 3 and np.abs(
            one - other
        ).mean() <= MOST_DIFFERENCE * variation:
            found.add((a, b))
    return found


@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 40))
@settings(max_examples=60)
def test_near_pairs_equal_brute_force(seed, count):
    random = np.random.default_rng(seed)
    originals = random.integers(0, 2**64, 6, dtype=np.uint64)
    hashes = originals[random.integers(0, 6, count)]
    for _ in range(4):
        hashes = hashes ^ (np.uint64(1) << random.integers(0, 64, count).astype(np.uint64))
    pictures = random.integers(0, 256, (3, 48))
    forms = np.clip(pictures[random.integers(0, 3, count)] + random.normal(0, 6, (count, 48)), 0, 255).astype(np.uint8)

    found = near_pairs(hashes, forms)

    assert {(pair.first, pair.second) for pair in found} == brute_force(hashes, forms)
    assert [pair.difference for pair in found] == sorted(pair.difference for pair in found)


def test_search_stops_at_the_bound():
    forms = np.tile(np.arange(0, 240, 30, dtype=np.uint8), (300, 1))

    assert len(near_pairs(np.zeros(300, np.uint64), forms)) == MOST_PAIRS < 300 * 299 // 2
    assert len(near_pairs(np.zeros(300, np.uint64), forms, most_pairs=100)) == 100


def test_blank_items_are_no_copies_of_each_other():
    forms = np.full((5, 8), 9, np.uint8)

    assert near_pairs(np.zeros(5, np.uint64), forms) == []
    assert near_pairs(np.zeros(0, np.uint64), forms[:0]) == []


def test_near_items_of_training_go_only_on_demand():
    table, _ = table_of(("a", "train"), ("b", "test"), ("c", "train"), ("d", "train"))
    forms = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (4, 1))
    pairs = near_pairs(np.array([1, 1, 2**60 - 1, 3], np.uint64), forms)

    assert [(pair.first, pair.second, pair.bits) for pair in across_splits(table.items, pairs)] == [
        (0, 1, 0),
        (1, 3, 1),
    ]
    remaining, kept = remove_near(table, pairs)
    assert kept.tolist() == [1, 2]
    assert [item.id for item in remaining.items] == ["i1", "i2"]
    assert table.ledger.counts() == {"near duplicate": 2}


@pytest.mark.data
def test_different_digits_are_not_called_near_duplicates(real_data):
    from headstart.data.image_views import perceptual_hash, small_picture
    from headstart.data.images import decode
    from headstart.data.readers.reading import read_data

    items = read_data(real_data / "mnist", wanted=IMAGE).items[:3000]
    pictures = [decode(item.source.read()).pixels for item in items]
    hashes = np.array([perceptual_hash(picture) for picture in pictures], np.uint64)
    forms = np.stack([small_picture(picture).reshape(-1) for picture in pictures])

    assert len(near_pairs(hashes, forms, most_difference=255)) > 1000  # what the hash alone would say
    assert len(near_pairs(hashes, forms)) < 15
