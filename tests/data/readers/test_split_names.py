from headstart.data.items import BytesSource, Item, ItemTable, Ledger
from headstart.data.readers.split_names import are_split_names, second_split_is_test, split_named


def table_of(*splits):
    items = tuple(Item(str(place), BytesSource(b""), "a", None, split) for place, split in enumerate(splits))
    return ItemTable("t", "t", items, Ledger())


def test_names_of_splits():
    assert [split_named(name) for name in ("Train", " val ", "DEV", "testing", "cats")] == [
        "train", "validation", "validation", "test", None,
    ]  # fmt: skip
    assert are_split_names(["train", "val"])
    assert not are_split_names(["train", "cats"])
    assert not are_split_names([])


def test_second_of_two_splits_is_the_test_split():
    table = second_split_is_test(table_of("train", "validation"))

    assert [item.split for item in table.items] == ["train", "test"]
    assert "two splits only" in table.ledger.notes[0]


def test_three_splits_or_train_and_test_stay():
    for splits in (("train", "validation", "test"), ("train", "test"), ("train", None)):
        table = second_split_is_test(table_of(*splits))
        assert tuple(item.split for item in table.items) == splits
        assert not table.ledger.notes
