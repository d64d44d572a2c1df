import pytest

from headstart.data.checks import check_classes
from headstart.data.items import BytesSource, Exclusion, Item, ItemTable, Ledger


def table_of(counts, **ledger):
    """Counts by label, or by (split, label)."""
    items = []
    for key, count in counts.items():
        split, label = key if isinstance(key, tuple) else (None, key)
        items += [Item(f"{split}/{label}/{n}", BytesSource(b""), label, None, split) for n in range(count)]
    return ItemTable("t", "photos", tuple(items), Ledger(**ledger))


def test_good_data_has_no_findings():
    assert check_classes(table_of({"a": 40, "b": 50})) == ((), ())
    given = {(split, label): 30 for split in ("train", "validation", "test") for label in "ab"}
    assert check_classes(table_of(given)) == ((), ())


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"a": 40}, "only 'a'"),
        ({f"{n}": 1 for n in range(500)}, "500 classes for 500 items"),
        (
            {("train", "bee"): 30, ("train", "ant"): 30, ("test", "Bee"): 30},
            "'Bee' is not there; rename it if it is 'bee'",
        ),
        ({("train", "a"): 9, ("train", "b"): 9, ("validation", "xyz"): 9}, "'xyz' is not there; add training"),
        ({"a": 2, "b": 2}, "at least 3 examples in two classes"),
        ({None: 5}, "none of 5 has a label"),
    ],
)
def test_what_stops_a_fit(counts, message):
    assert any(message in error for error in check_classes(table_of(counts)).errors)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"a": 40, "b": 40, "c": 1}, "one example to learn from, and nothing to choose by: 'c'"),
        ({"a": 40, "b": 40, "c": 4}, "fewer than 5 examples to learn from: 'c' (4)"),
        ({"a": 400, "b": 40}, "400 'a' against 40 'b'. Always saying 'a' would be right 90.9%"),
        ({"a": 20, "b": 20}, "40 items in all"),
        (
            {("train", "a"): 90, ("train", "b"): 90, ("test", "a"): 60},
            "not in the test split, which says nothing of them: 'b'",
        ),
        ({("train", "a"): 90, ("train", "b"): 90, ("test", "a"): 9, ("test", "b"): 9}, "18 items"),
        ({"a": 40, "b": 40, None: 2}, "2 items have no label"),
    ],
)
def test_what_deserves_a_word(counts, message):
    findings = check_classes(table_of(counts))

    assert not findings.errors
    assert any(message in warning for warning in findings.warnings)


def test_empty_classes_are_named():
    assert "'wasp'" in check_classes(table_of({"a": 40, "b": 40}, empty_classes=["wasp"])).warnings[0]
    assert "empty: 'wasp'" in check_classes(table_of({"a": 40}, empty_classes=["wasp"])).errors[0]


def test_nothing_left_says_why():
    findings = check_classes(table_of({}, excluded=[Exclusion("x", "unreadable"), Exclusion("y", "unreadable")]))

    assert findings.errors == ("Expected labelled items in photos, but none is left (2 unreadable).",)


def test_groups_across_given_splits_are_noted():
    items = tuple(
        Item(f"{split}{label}{n}", BytesSource(b""), label, "p1", split)
        for split in ("train", "test") for label in "ab" for n in range(60)
    )  # fmt: skip

    assert "'p1'" in check_classes(ItemTable("t", "t", items, Ledger())).warnings[0]


def test_sentences_that_were_taken_for_labels_are_not_printed_in_full():
    errors = check_classes(table_of({f"{n} {'word ' * 100}": 1 for n in range(20)})).errors
    assert max(map(len, errors)) < 1_000
