from headstart.data.images import SUFFIXES
from headstart.data.readers.unlabelled import read_unlabelled


def test_files_folders_and_patterns_in_the_order_given(write_pictures):
    root = write_pictures("b.png", "folder/2.png", "folder/deep/1.png", "many/x.png", "many/y.png", "many/z.jpg")

    table = read_unlabelled([root / "b.png", root / "folder", str(root / "many" / "*.png")], suffixes=SUFFIXES)

    assert [item.id.removeprefix(f"{root}/") for item in table.items] == [
        "b.png", "folder/2.png", "folder/deep/1.png", "many/x.png", "many/y.png",
    ]  # fmt: skip
    assert all(item.label is None and item.split is None for item in table.items)


def test_a_file_named_outright_is_taken_whatever_its_ending(write_pictures):
    root = write_pictures("a.png")
    (root / "a.png").rename(root / "download")

    assert len(read_unlabelled([root / "download"], suffixes=SUFFIXES).items) == 1


def test_a_file_named_twice_is_one_item(write_pictures):
    root = write_pictures("a.png")

    assert len(read_unlabelled([root / "a.png", root], suffixes=SUFFIXES).items) == 1


def test_missing_files_and_other_kinds_are_named(write_pictures):
    root = write_pictures("a.png")
    (root / "notes.txt").write_text("no picture")

    table = read_unlabelled([root / "a.png", root / "gone.png", str(root / "*.txt")], suffixes=SUFFIXES)

    assert [(entry.id, entry.reason) for entry in table.ledger.excluded] == [
        (str(root / "gone.png"), "missing file"),
        (str(root / "notes.txt"), "other kind of file"),
    ]


def test_what_is_not_there_or_holds_nothing_stands_in_the_ledger(tmp_path):
    (tmp_path / "empty").mkdir()
    table = read_unlabelled([tmp_path / "gone.jpg", tmp_path / "empty"], suffixes=SUFFIXES)
    assert table.items == ()
    assert table.ledger.counts() == {"missing file": 1, "empty folder": 1}
