import pytest

from headstart.core.errors import UsageError
from headstart.data.columns import Columns
from headstart.data.readers.unlabelled import read_unlabelled
from headstart.data.texts import decode
from headstart.modalities.image import IMAGE
from headstart.modalities.text import TEXT


def test_files_folders_and_patterns_in_the_order_given(write_pictures):
    root = write_pictures("b.png", "folder/2.png", "folder/deep/1.png", "many/x.png", "many/y.png", "many/z.jpg")

    table = read_unlabelled([root / "b.png", root / "folder", str(root / "many" / "*.png")], wanted=IMAGE)

    assert [item.id.removeprefix(f"{root}/") for item in table.items] == [
        "b.png", "folder/2.png", "folder/deep/1.png", "many/x.png", "many/y.png",
    ]  # fmt: skip
    assert all(item.label is None and item.split is None for item in table.items)


def test_a_file_named_outright_is_taken_whatever_its_ending(write_pictures):
    root = write_pictures("a.png")
    (root / "a.png").rename(root / "download")

    assert len(read_unlabelled([root / "download"], wanted=IMAGE).items) == 1


def test_a_file_named_twice_is_one_item(write_pictures):
    root = write_pictures("a.png")

    assert len(read_unlabelled([root / "a.png", root], wanted=IMAGE).items) == 1


def test_missing_files_and_other_kinds_are_named(write_pictures):
    root = write_pictures("a.png")
    (root / "notes.txt").write_text("no picture")

    table = read_unlabelled([root / "a.png", root / "gone.png", str(root / "*.txt")], wanted=IMAGE)

    assert [(entry.id, entry.reason) for entry in table.ledger.excluded] == [
        (str(root / "gone.png"), "missing file"),
        (str(root / "notes.txt"), "other kind of file"),
    ]


def test_what_is_not_there_or_holds_nothing_stands_in_the_ledger(tmp_path):
    (tmp_path / "empty").mkdir()
    table = read_unlabelled([tmp_path / "gone.jpg", tmp_path / "empty"], wanted=IMAGE)
    assert table.items == ()
    assert table.ledger.counts() == {"missing file": 1, "empty folder": 1}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def texts(*inputs, columns=None) -> list[tuple[str, tuple[str, ...]]]:
    table = read_unlabelled(inputs, wanted=TEXT, columns=columns)
    assert not table.ledger.excluded
    return [(item.id, decode(item.source.read()).parts) for item in table.items]


def texts_by_name(*inputs) -> list[str]:
    return [item.id for item in read_unlabelled(inputs, wanted=TEXT).items]


def test_texts_may_be_given_literally_each_time_they_are_given(here):
    assert texts("good", "a film: 10/10", "good", "was it?") == [
        ("good", ("good",)),
        ("a film: 10/10", ("a film: 10/10",)),
        ("good (2)", ("good",)),
        ("was it?", ("was it?",)),
    ]


def test_pairs_of_texts_are_tuples(here):
    assert texts(("it rains", "it is wet")) == [("it rains | it is wet", ("it rains", "it is wet"))]


@pytest.mark.parametrize("given", [("a", "b", "c"), (), ("a", None)])
def test_other_tuples_are_refused(here, given):
    with pytest.raises(UsageError, match="one text or two"):
        texts(given)


def test_an_empty_text_has_a_name(here):
    assert texts_by_name("", "  ", ("a", "")) == ["(no text)", "(no text) (2)", "a | (no text)"]


def test_long_texts_are_called_by_their_beginnings(here):
    long = "word " * 100
    [(name, parts)] = texts(long)
    assert parts == (long,)
    assert len(name) == 80


def test_text_files_folders_and_tables_of_texts(here):
    (here / "one.txt").write_text("first")
    (here / "many").mkdir()
    (here / "many" / "two.txt").write_text("second")
    (here / "t.csv").write_text("nr,text\n1,third\n2,\n3,fourth\n")

    table = read_unlabelled(["one.txt", "many", "t.csv"], wanted=TEXT)

    assert [item.id for item in table.items] == ["one.txt", "many/two.txt", "t.csv:2", "t.csv:4"]
    assert [item.source.read() for item in table.items] == [b"first", b"second", b"third", b"fourth"]
    assert all(item.label is None for item in table.items)
    assert table.ledger.counts() == {"empty cell": 1}


def test_tables_with_labels_pairs_or_named_columns_give_their_texts(here):
    (here / "t.tsv").write_text("premise\thypothesis\tlabel\na\tb\tyes\n")

    assert texts("t.tsv") == [("t.tsv:2", ("a", "b"))]
    assert texts("t.tsv", columns=Columns(item="hypothesis")) == [("t.tsv:2", ("b",))]


@pytest.mark.parametrize("name", ["gone.txt", "gone.csv", "folder/gone", "./gone", "gone.tsv", "gone.jpg", "gone.md"])
def test_what_looks_like_a_file_that_is_not_there_is_no_text(here, name):
    assert read_unlabelled([name], wanted=TEXT).ledger.counts() == {"missing file": 1}


def test_pictures_are_never_literal_and_may_stand_in_a_table(write_pictures, monkeypatch):
    root = write_pictures("a.png", "b.png")
    (root / "t.csv").write_text("path,label\na.png,x\nb.png,\n")
    monkeypatch.chdir(root)

    assert read_unlabelled(["cat"], wanted=IMAGE).ledger.counts() == {"missing file": 1}
    assert [item.id for item in read_unlabelled(["t.csv"], wanted=IMAGE).items] == ["a.png", "b.png"]
