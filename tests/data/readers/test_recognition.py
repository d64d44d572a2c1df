"""The kind of data is told by what is there."""

import subprocess
import sys
from pathlib import Path

import pytest

from headstart.core.errors import DataError, UnknownNameError
from headstart.data.columns import Columns
from headstart.data.readers.recognition import recognise


def files(root: Path, *names: str) -> str:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("content")
    return str(root)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("cat/1.jpg", "dog/2.PNG", "readme.txt", "notes.txt", "more.txt"), "image"),
        (("pos/1.txt", "neg/2.txt", "cover.jpg"), "text"),
        (("train/pos/1.txt", "train/neg/1.txt", "test/pos/1.txt", "test/pos/cover.jpg"), "text"),
        (("1.txt", "2.txt"), "text"),
        (("empty/nothing.xyz",), "image"),
    ],
)
def test_most_files_of_class_folders_decide(tmp_path, names, expected):
    assert recognise(files(tmp_path, *names)) == expected


def test_as_much_of_one_kind_as_of_another_is_asked_about(tmp_path):
    with pytest.raises(DataError, match=r"1 photos and 1 texts.*--modality image or --modality text"):
        recognise(files(tmp_path, "a/1.jpg", "b/1.txt"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("file_name,label\na.jpg,cat\nb.jpg,dog\n", "image"),
        ("caption,where,label\na cat that sits on a mat,a.jpg,cat\na dog that barks at it,b.jpg,dog\n", "image"),
        ("text,label,source_file\nshort,1,neg/1.txt\nalso,0,pos/2.txt\n", "text"),
        ("opinion,stars\nA quiet and slow but beautiful film,4\nI left after the first hour,1\n", "text"),
        ("premise,hypothesis,label\na,b,yes\n", "text"),
        ("a.jpg,cat\nb.jpg,dog\n", "image"),
        (
            "a film of some length and beauty,1\nthe worst evening of my whole year,0\n"
            "one more of that kind,1\nand one of this,0\n",
            "text",
        ),
    ],
)
def test_columns_of_a_table_decide(tmp_path, content, expected):
    (tmp_path / "t.csv").write_text(content)
    assert recognise(str(tmp_path / "t.csv")) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("length,width,label\n1.5,2,cat\n3,4.1,dog\n", "table of numbers"),
        ("name,label\nsmith,a\njones,b\n", r"paths \(.*'.jpg'.*\) or of texts in .*'name', 'label'; .*--modality"),
    ],
)
def test_a_table_of_neither_paths_nor_texts_is_refused(tmp_path, content, message):
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        recognise(str(tmp_path / "t.csv"))


def test_what_is_wrong_with_a_table_is_left_to_its_reader(tmp_path):
    (tmp_path / "t.csv").write_text("text,label\n")
    assert recognise(str(tmp_path / "t.csv")) == "image"
    (tmp_path / "t.csv").write_text("text,label\na,1\n")
    assert recognise(str(tmp_path / "t.csv"), Columns(item="opinion")) == "image"


def test_embedded_pictures_are_pictures(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    parquet.write_table(pa.table({"image": [{"bytes": b"x", "path": None}], "label": ["a"]}), tmp_path / "a.parquet")
    parquet.write_table(pa.table({"label": ["a"], "content": [b"x"]}), tmp_path / "b.parquet")
    assert {recognise(str(tmp_path / name)) for name in ("a.parquet", "b.parquet")} == {"image"}


def test_named_columns_decide(tmp_path):
    (tmp_path / "t.csv").write_text("caption,where,label\na cat that sits on a mat,a.jpg,cat\n")
    assert recognise(str(tmp_path / "t.csv"), Columns(item="caption")) == "text"
    assert recognise(str(tmp_path / "t.csv"), Columns(item="where")) == "image"
    assert recognise(str(tmp_path / "t.csv"), Columns(second="caption")) == "image"  # where there are paths, they win


def test_a_named_column_of_neither_paths_nor_sentences_is_shown(tmp_path):
    (tmp_path / "t.csv").write_text("name,land\nIngeborg,Norway\nGiulia,Italy\n")
    with pytest.raises(DataError, match=r"column 'name' of .* cells such as 'Ingeborg'; say with --modality"):
        recognise(str(tmp_path / "t.csv"), Columns(item="name"))


def test_tables_called_like_splits_decide(tmp_path):
    for name in ("train.csv", "test.csv"):
        (tmp_path / name).write_text("text,label\none,a\ntwo,b\n")
    files(tmp_path, "readme.txt")
    assert recognise(str(tmp_path)) == "text"


def test_what_readers_hold_nothing_but_pictures_is_pictures(tmp_path):
    assert recognise("sklearn:digits") == "image"
    assert recognise("torchvision:CIFAR10") == "image"
    with pytest.raises(UnknownNameError, match="'sklearn'"):
        recognise("sklern:digits")
    with pytest.raises(DataError, match="there is nothing at"):
        recognise(str(tmp_path / "gone"))


def test_features_of_a_saved_data_set_decide(tmp_path):
    datasets = pytest.importorskip("datasets")
    labels = {"label": [0, 1]}
    datasets.Dataset.from_dict({"text": ["a", "b"], **labels}).save_to_disk(tmp_path / "texts")
    pictures = {"caption": datasets.Value("string"), "photo": datasets.Image(), "label": datasets.Value("int64")}
    rows = {"caption": ["a", "b"], "photo": [None, None], **labels}
    datasets.Dataset.from_dict(rows, features=datasets.Features(pictures)).save_to_disk(tmp_path / "photos")

    assert recognise(str(tmp_path / "texts")) == "text"
    assert recognise(str(tmp_path / "photos")) == "image"
    assert recognise(str(tmp_path / "photos"), Columns(item="caption")) == "text"


def test_nothing_heavy_is_imported():
    script = (
        "import sys; import headstart.data.readers.recognition, headstart.modalities.text;"
        "print(sorted({'torch', 'datasets', 'sklearn', 'pyarrow', 'tokenizers', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "expected"),
    [("sst2", "text"), ("ag_news", "text"), ("imdb/train.csv", "text"), ("ants_bees", "image"), ("mnist", "image")],
)
def test_real_data(real_data, name, expected):
    assert recognise(str(real_data / name)) == expected
