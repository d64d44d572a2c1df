import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headstart.core.errors import DataError
from headstart.data.columns import Columns
from headstart.data.items import ItemTable
from headstart.data.readers.table import read_table
from headstart.data.readers.table_folders import read_metadata_folder, read_parquet_folder
from headstart.modalities.image import IMAGE


def read(path: Path, **columns: str) -> ItemTable:
    return read_table(str(path), columns=Columns(**columns), wanted=IMAGE)


@pytest.fixture
def pictures(write_pictures):
    return write_pictures("a.png", "b.png", "sub/c.png")


def test_csv_with_guessed_columns(pictures):
    (pictures / "t.csv").write_text("Path,Label,split,group\nsub/c.png,dog,test,p2\na.png,cat,train,p1\n")

    table = read(pictures / "t.csv")

    assert [(item.id, item.label, item.group, item.split) for item in table.items] == [
        ("a.png", "cat", "p1", "train"),
        ("sub/c.png", "dog", "p2", "test"),
    ]
    assert table.items[0].source.read() == (pictures / "a.png").read_bytes()
    assert "'Path' for items" in table.ledger.notes[0]


def test_ids_are_relative_wherever_one_stands(pictures, monkeypatch):
    (pictures / "t.csv").write_text("path,label\n./sub//c.png,dog\n")
    monkeypatch.chdir(pictures)

    assert [item.id for item in read(Path("t.csv")).items] == ["sub/c.png"]
    assert [item.id for item in read(pictures / "t.csv").items] == ["sub/c.png"]


def test_named_columns_win(pictures):
    (pictures / "t.csv").write_text("path,label,photo,species,site\nx,y,a.png,cat,1\nx,y,b.png,dog,2\n")

    table = read(pictures / "t.csv", item="photo", label="species", group="site")

    assert [(item.id, item.label, item.group) for item in table.items] == [("a.png", "cat", "1"), ("b.png", "dog", "2")]


def test_a_table_of_paths_may_lack_a_header(pictures):
    (pictures / "t.csv").write_text("a.png,cat\nb.png,dog\n")

    table = read(pictures / "t.csv")

    assert [(item.id, item.label) for item in table.items] == [("a.png", "cat"), ("b.png", "dog")]
    assert "looks like data" in table.ledger.notes[0]


def test_column_of_paths_is_found_by_its_cells(pictures):
    (pictures / "t.csv").write_text("nr,where,label\n1,a.png,cat\n2,b.png,dog\n")

    assert [item.id for item in read(pictures / "t.csv").items] == ["a.png", "b.png"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_delimiters_and_encodings(pictures, delimiter, encoding):
    text = f"path{delimiter}label\na.png{delimiter}Löwe\nb.png{delimiter}Bär\n"
    (pictures / "t.csv").write_bytes(text.encode(encoding))

    assert read(pictures / "t.csv").classes == ("Bär", "Löwe")


def test_latin_1_is_read_with_a_note(pictures):
    (pictures / "t.csv").write_bytes("path,label\na.png,Löwe\n".encode("latin-1"))

    table = read(pictures / "t.csv")

    assert table.classes == ("Löwe",)
    assert "Latin-1" in table.ledger.notes[0]


def test_quoted_newlines_and_delimiters_keep_their_rows(pictures):
    with (pictures / "t.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(
            [
                ["path", "note", "label"],
                ["a.png", "two\nlines, one cell", "cat"],
                ["gone.png", "", "cat"],
                ["b.png", "", "dog"],
            ]
        )

    table = read(pictures / "t.csv")

    assert [item.id for item in table.items] == ["a.png", "b.png"]
    assert table.ledger.excluded[0].detail == "t.csv, line 4"


def test_empty_and_nan_cells_are_left_out_with_their_line(pictures):
    (pictures / "t.csv").write_text("path,label\na.png,cat\n,dog\nb.png,\nsub/c.png,NaN\n")

    table = read(pictures / "t.csv")

    assert [(entry.id, entry.reason) for entry in table.ledger.excluded] == [
        ("t.csv, line 3", "empty cell"),
        ("b.png", "empty cell"),
        ("sub/c.png", "empty cell"),
    ]


def test_rows_of_another_length_are_left_out(pictures):
    (pictures / "t.csv").write_text("path,label\na.png,cat\nb.png,dog,what\n\nsub/c.png,dog\n")

    table = read(pictures / "t.csv")

    assert [(entry.id, entry.reason, entry.detail) for entry in table.ledger.excluded] == [
        ("t.csv, line 3", "malformed row", "3 cells where the header has 2")
    ]
    assert len(table.items) == 2


def test_missing_files_are_left_out_unless_all_are(pictures):
    (pictures / "t.csv").write_text("path,label\na.png,cat\ngone.png,dog\n")
    assert [(entry.id, entry.reason) for entry in read(pictures / "t.csv").ledger.excluded] == [
        ("gone.png", "missing file")
    ]

    (pictures / "t.csv").write_text("path,label\nx/a.png,cat\nx/b.png,dog\n")
    with pytest.raises(DataError, match=r"none of 2 is there; the first was looked for at .*x/a\.png"):
        read(pictures / "t.csv")


def test_a_file_named_twice_is_one_item_and_may_have_one_label(pictures):
    (pictures / "t.csv").write_text("path,label\na.png,cat\na.png,cat\nb.png,dog\n")
    table = read(pictures / "t.csv")
    assert len(table.items) == 2
    assert table.ledger.counts() == {"repeated row": 1}

    (pictures / "t.csv").write_text("path,label\na.png,cat\na.png,dog\n")
    with pytest.raises(DataError, match=r"a\.png: 'cat' in line 2, 'dog' in line 3"):
        read(pictures / "t.csv")


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("path,label\na.png,cat\n", {"label": "lable"}, "'lable'.*did you mean 'label'"),
        ("path,label,label\na.png,cat,dog\n", {}, "'label' 2 times"),
        ("path,kind\na.png,cat\n", {}, "name it with --label-column"),
        ("path,label\na.png,cat\n", {"second": "label"}, "is for pairs of texts"),
        ("path,label\n", {}, "Expected rows"),
        ('path,label\n"a.png,cat\n', {}, "line 2"),
        ("path,label,split\na.png,cat,holdout\n", {}, "'holdout'"),
        ("length,width,label\n1.5,2,cat\n3,4.1,dog\n", {}, "table of numbers"),
    ],
)
def test_what_cannot_be_read_is_named(pictures, text, columns, message):
    (pictures / "t.csv").write_text(text)

    with pytest.raises(DataError, match=message):
        read(pictures / "t.csv", **columns)


def test_binary_under_a_tables_name_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\x89PNG\0\0\0")
    with pytest.raises(DataError, match="to be text"):
        read(tmp_path / "t.csv")


def test_json_lines(pictures):
    rows = [{"file_name": "a.png", "label": 3}, {"file_name": "b.png", "label": 10, "more": [1]}]
    (pictures / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert [item.label for item in read(pictures / "t.jsonl").items] == ["3", "10"]

    (pictures / "t.jsonl").write_text('{"file_name": "a.png", "label": 1}\n{"file_name": \n')
    with pytest.raises(DataError, match="line 2 is not"):
        read(pictures / "t.jsonl")


def test_parquet_of_paths(pictures):
    pq.write_table(pa.table({"path": ["a.png", "b.png"], "label": [1.0, float("nan")]}), pictures / "t.parquet")

    table = read(pictures / "t.parquet")

    assert [(item.id, item.label) for item in table.items] == [("a.png", "1")]
    assert table.ledger.counts() == {"empty cell": 1}


@pytest.mark.parametrize("as_struct", [True, False])
def test_parquet_of_embedded_pictures_with_class_names(pictures, as_struct):
    contents = [(pictures / name).read_bytes() for name in ("a.png", "b.png")]
    cells = [{"bytes": content, "path": None} for content in contents] if as_struct else contents
    features = {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    written = pa.table({"image": cells, "label": [1, 0]}).replace_schema_metadata(metadata)
    pq.write_table(written, pictures / "t.parquet")

    table = read(pictures / "t.parquet")

    assert [(item.source.read(), item.label) for item in table.items] == [(contents[0], "dog"), (contents[1], "cat")]


def test_folder_of_parquet_files_named_after_splits(pictures):
    content = (pictures / "a.png").read_bytes()
    for name, label in (("train-00000-of-00002", "a"), ("train-00001-of-00002", "b"), ("test-00000-of-00001", "a")):
        (pictures / "data").mkdir(exist_ok=True)
        pq.write_table(pa.table({"image": [content], "label": [label]}), pictures / "data" / f"{name}.parquet")

    table = read_parquet_folder(str(pictures), columns=Columns(), wanted=IMAGE)

    assert [item.split for item in table.items] == ["test", "train", "train"]
    assert len({item.id for item in table.items}) == 3


def test_broken_parquet_is_named(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match=r"t\.parquet to be a Parquet file"):
        read(tmp_path / "t.parquet")


def read_metadata(root: Path) -> ItemTable:
    return read_metadata_folder(str(root), columns=Columns(), wanted=IMAGE)


def test_metadata_at_the_top_names_files_and_splits_by_folder(write_pictures):
    root = write_pictures("train/1.png", "train/2.png", "test/3.png", "test/unnamed.png")
    (root / "metadata.csv").write_text("file_name,label\ntrain/1.png,cat\ntrain/2.png,dog\ntest/3.png,cat\n")

    table = read_metadata(root)

    assert [(item.id, item.label, item.split) for item in table.items] == [
        ("test/3.png", "cat", "test"),
        ("train/1.png", "cat", "train"),
        ("train/2.png", "dog", "train"),
    ]
    assert [(entry.id, entry.reason) for entry in table.ledger.excluded] == [
        ("test/unnamed.png", "not in the metadata")
    ]


def test_metadata_in_each_split_folder(write_pictures):
    root = write_pictures("train/1.png", "train/2.png", "val/1.png")
    (root / "train" / "metadata.jsonl").write_text(
        '{"file_name": "1.png", "label": "cat"}\n{"file_name": "2.png", "label": ""}\n'
    )
    (root / "val" / "metadata.jsonl").write_text('{"file_name": "1.png", "label": "dog"}\n')

    table = read_metadata(root)

    assert [(item.id, item.split) for item in table.items] == [("train/1.png", "train"), ("val/1.png", "validation")]
    assert [(entry.id, entry.reason) for entry in table.ledger.excluded] == [("train/2.png", "empty cell")]


def test_an_empty_cell_of_labels_may_say_something(write_pictures):
    root = write_pictures("1.png", "2.png")
    (root / "metadata.csv").write_text("file_name,label\n1.png,a;b\n2.png,\n")

    table = read(root / "metadata.csv", empty="[]")

    assert [item.label for item in table.items] == ["a;b", "[]"]
    assert table.ledger.excluded == []


@pytest.mark.data
def test_real_tables(real_data):
    table = read(real_data / "imagenet_samples" / "labels.csv", label="name")
    assert (len(table.items), len(table.classes)) == (200, 200)

    table = read(real_data / "pacs_photo_sketch" / "splits.csv", group="domain")
    assert (len(table.items), len(table.classes)) == (560, 7)
