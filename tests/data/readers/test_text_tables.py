"""Tables whose cells are the items: which column is what, tables without a header, pairs, tables called like splits."""

import pytest

from headstart.core.errors import DataError, UnlabelledError, UsageError
from headstart.data.columns import Columns
from headstart.data.items import ItemTable
from headstart.data.readers.reading import read_data
from headstart.data.texts import decode
from headstart.modalities.image import IMAGE
from headstart.modalities.text import TEXT

PRAISE = "a film of great beauty and of some length"
BLAME = "it was the worst evening of my whole year"
PLAIN = f"{PRAISE}\t1\n{BLAME}\t0\n{PRAISE} indeed\t1\n{BLAME} too\t0\n"


def read(path, wanted=TEXT, **columns: str) -> ItemTable:
    return read_data(path, columns=Columns(**columns), wanted=wanted)


def found(table: ItemTable) -> list[tuple[tuple[str, ...], str | None]]:
    return [(decode(item.source.read()).parts, item.label) for item in table.items]


def test_items_are_called_after_their_rows_in_reading_order(tmp_path):
    (tmp_path / "t.csv").write_text("text,label\n" + "".join(f"text {row},{row % 2}\n" for row in range(12)))

    table = read(tmp_path / "t.csv")

    assert [item.id for item in table.items] == [f"t.csv:{line}" for line in range(2, 14)]
    assert table.ledger.notes == ["Columns of t.csv: 'text' for items, 'label' for labels."]


@pytest.mark.parametrize(
    ("header", "row", "expected"),
    [
        ("id,Sentence,Label", "17,one,a", (("one",), "a")),
        ("sentiment,opinion,stars", f"good,{PRAISE},5", ((PRAISE,), "good")),
        ("label,who,what", f"a,Smith,{PRAISE}", ((PRAISE,), "a")),
        ("premise,hypothesis,label", "it rains,it is wet,yes", (("it rains", "it is wet"), "yes")),
        ("is_duplicate,question2,question1", "0,which?,what?", (("what?", "which?"), "0")),
        ("text_a,note,label", "one,two,a", (("one",), "a")),
    ],
)
def test_columns_are_found_by_name_and_by_their_words(tmp_path, header, row, expected):
    (tmp_path / "t.csv").write_text(f"{header}\n{row}\n")
    assert found(read(tmp_path / "t.csv")) == [expected]


def test_labels_under_an_unknown_name_are_the_only_column_of_few_values(tmp_path):
    rows = "".join(f"{number},{PRAISE} {number},{'yes' if number % 2 else 'no'}\n" for number in range(8))
    (tmp_path / "t.csv").write_text(f"nr,opinion,recommended\n{rows}")
    assert read(tmp_path / "t.csv").classes == ("no", "yes")

    (tmp_path / "t.csv").write_text(
        "opinion,recommended,sex\n" + "".join(f"{PRAISE} {n},{n % 2},{n % 2}\n" for n in range(8))
    )
    with pytest.raises(UnlabelledError, match="--label-column"):
        read(tmp_path / "t.csv")


def test_named_columns_make_a_pair(tmp_path):
    (tmp_path / "t.csv").write_text("title,body,label\nnews,something happened,a\n,nothing,b\n")

    table = read(tmp_path / "t.csv", item="title", second="body")

    assert found(table) == [(("news", "something happened"), "a")]
    assert "'title' for items, 'body' for the second text of each pair" in table.ledger.notes[0]
    assert table.ledger.excluded[0].detail == "nothing in 'title'"


def test_a_named_item_is_no_pair(tmp_path):
    (tmp_path / "t.csv").write_text("premise,hypothesis,label\nit rains,it is wet,yes\n")
    assert found(read(tmp_path / "t.csv", item="hypothesis")) == [(("it is wet",), "yes")]


def test_one_column_cannot_be_two_things(tmp_path):
    (tmp_path / "t.csv").write_text(f"text,label\n{PRAISE},a\n")
    with pytest.raises(DataError, match="'text' cannot be for items and for labels alike"):
        read(tmp_path / "t.csv", item="text", label="text")


def test_a_second_column_of_texts_that_is_not_read_is_named(tmp_path):
    (tmp_path / "t.csv").write_text(f"left,right,label\n{PRAISE},{PRAISE} too,a\n{PRAISE},{PRAISE} not,b\n")
    (note,) = [note for note in read(tmp_path / "t.csv").ledger.notes if "Left aside" in note]
    assert "Left aside in t.csv: 'left', where texts stand too" in note
    paired = read(tmp_path / "t.csv", item="left", second="right").ledger.notes
    assert not any("Left aside" in note for note in paired)


def test_groups_and_splits_come_from_columns(tmp_path):
    (tmp_path / "t.csv").write_text("text,label,author,split\none,a,x,train\ntwo,b,y,test\n")
    items = read(tmp_path / "t.csv", group="author").items
    assert [(item.group, item.split) for item in items] == [("x", "train"), ("y", "test")]


def test_a_table_of_numbers_is_told_so_and_one_of_names_is_read(tmp_path):
    (tmp_path / "t.csv").write_text("length,width,label\n1.5,2,3\n3,4.1,5\n")
    with pytest.raises(DataError, match="table of numbers"):
        read(tmp_path / "t.csv")

    (tmp_path / "t.csv").write_text("name,label\nsmith,a\njones,b\n")
    assert found(read(tmp_path / "t.csv")) == [(("smith",), "a"), (("jones",), "b")]


def test_a_first_row_that_is_data_is_read_as_such(tmp_path):
    (tmp_path / "t.tsv").write_text(PLAIN)

    table = read(tmp_path / "t.tsv")

    assert found(table)[0] == ((PRAISE,), "1")
    assert [item.id for item in table.items] == [f"t.tsv:{line}" for line in (1, 2, 3, 4)]
    assert table.ledger.notes == [
        "The first row of t.tsv looks like data: it was read as such, not as a header.",
        "Columns of t.tsv: 'column 1' for items, 'column 2' for labels.",
    ]


def test_columns_without_names_are_named_by_number(tmp_path):
    (tmp_path / "t.csv").write_text("x,one two,three\ny,four,five\nx,six,seven\ny,eight,nine\n")
    assert found(read(tmp_path / "t.csv", item="3", label="1"))[0] == (("three",), "x")
    assert found(read(tmp_path / "t.csv", item="column 2", second="3"))[0] == (("one two", "three"), "x")

    with pytest.raises(DataError, match="the column for labels, 'column 7', is not among"):
        read(tmp_path / "t.csv", label="7")


def test_a_label_that_is_also_the_number_of_a_column_is_a_label(tmp_path):
    (tmp_path / "t.csv").write_text("1,a b,c\n2,d e,f\n1,g h,i\n2,j k,l\n")
    assert found(read(tmp_path / "t.csv", item="2", second="3", label="1"))[0] == (("a b", "c"), "1")


def test_a_first_row_is_data_also_where_all_labels_are_one(tmp_path):
    (tmp_path / "t.tsv").write_text("a rather long sentence about it\t0\nanother one of those\t0\nand a third one\t0\n")
    assert len(read(tmp_path / "t.tsv").items) == 3


def test_numbers_do_not_turn_a_header_into_data(tmp_path):
    (tmp_path / "t.csv").write_text("text,label\none,a\ntwo,b\n")
    with pytest.raises(DataError, match="Expected names of columns, as the first row"):
        read(tmp_path / "t.csv", item="1", label="2")


@pytest.mark.parametrize("text", ["opinion,kind\nx y z,a\nx z,b\nx,a\ny,b\n", "What did you like?,kind\nall,a\nit,b\n"])
def test_an_unknown_header_stays_a_header(tmp_path, text):
    (tmp_path / "t.csv").write_text(text)
    assert "looks like data" not in read(tmp_path / "t.csv", label="kind").ledger.notes[0]


def test_tables_called_like_splits_are_one_data_set(tmp_path):
    for name in ("train", "dev", "test"):
        (tmp_path / f"{name}.tsv").write_text(PLAIN.replace("film", f"{name} film"))
    (tmp_path / "readme.txt").write_text("some words")

    table = read(tmp_path)

    assert {item.id.split(".")[0]: item.split for item in table.items} == {
        "dev": "validation",
        "test": "test",
        "train": "train",
    }
    assert len({item.id for item in table.items}) == 12
    assert table.ledger.notes == [
        "The tables are the splits: dev.tsv, test.tsv, train.tsv.",
        "The first row of each table looks like data: it was read as such, not as a header.",
        "Columns of each table: 'column 1' for items, 'column 2' for labels.",
    ]
    assert [(entry.id, entry.reason) for entry in table.ledger.ignored] == [("readme.txt", "not in the tables")]


def test_a_test_table_without_labels_is_left_out_and_one_for_training_is_refused(tmp_path):
    (tmp_path / "train.tsv").write_text("sentence\tlabel\none\t1\ntwo\t0\n")
    (tmp_path / "dev.tsv").write_text("sentence\tlabel\nthree\t1\n")
    (tmp_path / "test.tsv").write_text("index\tsentence\n0\tfour\n1\tfive\n")

    table = read(tmp_path)

    assert [(item.id, item.split) for item in table.items] == [
        ("dev.tsv:2", "test"),
        ("train.tsv:2", "train"),
        ("train.tsv:3", "train"),
    ]
    assert table.ledger.notes[0].startswith("test.tsv has no column of labels")

    (tmp_path / "train.tsv").write_text("index\tsentence\n0\tfour\n")
    with pytest.raises(UnlabelledError, match=r"train\.tsv"):
        read(tmp_path)


def test_tables_of_paths_called_like_splits_are_one_data_set_too(write_pictures):
    root = write_pictures("photos/1.png", "photos/2.png", "photos/3.png")
    (root / "train.csv").write_text("path,label\nphotos/1.png,cat\n")
    (root / "test.csv").write_text("path,label\nphotos/2.png,cat\n")

    table = read(root, wanted=IMAGE)

    assert [(item.id, item.split) for item in table.items] == [
        ("test/photos/2.png", "test"),
        ("train/photos/1.png", "train"),
    ]
    assert [(entry.id, entry.reason) for entry in table.ledger.excluded] == [("photos/3.png", "not in the tables")]


def test_split_folders_are_read_although_tables_lie_beside_them(write_pictures):
    root = write_pictures("train/a/1.png", "train/b/1.png", "test/a/1.png")
    for name in ("train", "test"):
        (root / f"{name}.csv").write_text("path,label\nx.png,cat\n")
    assert [item.label for item in read(root, wanted=IMAGE).items] == ["a", "a", "b"]


def test_parquet_files_in_splits(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    (tmp_path / "data").mkdir()
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"):
        parquet.write_table(pa.table({"text": [name], "label": ["a"]}), tmp_path / "data" / f"{name}.parquet")

    assert [(item.id, item.split) for item in read(tmp_path).items] == [
        ("data/test-00000-of-00001.parquet:1", "test"),
        ("data/train-00000-of-00002.parquet:1", "train"),
        ("data/train-00001-of-00002.parquet:1", "train"),
    ]


@pytest.mark.parametrize(("first", "expected"), [(1, ("World", "Sports")), (0, ("World", "Sports"))])
def test_classes_txt_names_numbered_classes(tmp_path, first, expected):
    (tmp_path / "classes.txt").write_text("World\nSports\n")
    (tmp_path / "t.csv").write_text(f"text,label\none,{first}\ntwo,{first + 1}\n")

    table = read(tmp_path / "t.csv")

    assert tuple(item.label for item in table.items) == expected
    assert any("classes.txt names the classes" in note for note in table.ledger.notes)


def test_classes_txt_that_does_not_fit_is_noted_and_other_labels_stay(tmp_path):
    (tmp_path / "classes.txt").write_text("World\nSports\nBusiness\n")
    (tmp_path / "t.csv").write_text("text,label\none,1\ntwo,2\n")
    table = read(tmp_path / "t.csv")
    assert table.classes == ("1", "2")
    assert "do not fit" in table.ledger.notes[-1]

    (tmp_path / "t.csv").write_text("text,label\none,good\ntwo,bad\n")
    assert read(tmp_path / "t.csv").classes == ("bad", "good")


def test_folders_of_texts_per_class(tmp_path):
    for split in ("train", "test"):
        for label in ("pos", "neg"):
            (tmp_path / split / label).mkdir(parents=True)
            (tmp_path / split / label / "1.txt").write_text(f"{split} {label}")
    (tmp_path / "train" / "pos" / "2.txt").write_bytes("schön".encode("latin-1"))

    table = read(tmp_path)

    assert [(item.id, item.label, item.split) for item in table.items] == [
        ("test/neg/1.txt", "neg", "test"),
        ("test/pos/1.txt", "pos", "test"),
        ("train/neg/1.txt", "neg", "train"),
        ("train/pos/1.txt", "pos", "train"),
        ("train/pos/2.txt", "pos", "train"),
    ]
    assert TEXT.prepare(table.items[-1].source.read(), None).inspection.notes == ("not valid UTF-8, read as Latin-1",)
    with pytest.raises(UsageError, match="'x'"):
        read(tmp_path, second="x")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "classes", "splits"),
    [
        ("sst2", ("0", "1"), {"train": 6920, "validation": 872, "test": 1821}),
        ("ag_news", ("Business", "Sci/Tech", "Sports", "World"), {"train": 4000, "test": 1200}),
        ("imdb", ("0", "1"), {"train": 1000, "test": 1000}),
    ],
)
def test_real_texts(real_data, name, classes, splits):
    from collections import Counter

    table = read(real_data / name)

    assert table.classes == classes
    assert Counter(item.split for item in table.items) == splits
    assert not table.ledger.excluded
    assert len({item.id for item in table.items}) == len(table.items)
