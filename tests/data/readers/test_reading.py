import pytest

from headstart.core.errors import DataError, UnknownNameError
from headstart.data.columns import Columns
from headstart.data.readers.reading import READERS, read_data
from headstart.modalities.image import IMAGE


def test_the_reader_is_chosen_by_what_is_there(write_pictures):
    root = write_pictures("photos/cat/1.png", "photos/dog/1.png", "described/1.png")
    (root / "described" / "metadata.csv").write_text("file_name,label\n1.png,cat\n")
    (root / "table.csv").write_text("path,label\nphotos/cat/1.png,cat\n")

    assert len(read_data(root / "photos", wanted=IMAGE).items) == 2
    assert read_data(str(root / "described"), wanted=IMAGE).items[0].id == "1.png"
    assert read_data(root / "table.csv", columns=Columns(label="label"), wanted=IMAGE).name == "table"
    assert len(read_data("sklearn:digits", wanted=IMAGE).items) == 1797


def test_a_prefix_chooses_outright(write_pictures):
    root = write_pictures("cat/1.png", "dog/1.png")
    (root / "metadata.csv").write_text("nothing\nof,use\n")

    assert len(read_data(f"folder:{root}", wanted=IMAGE).items) == 2


def test_two_splits_only_make_the_second_a_test_split(write_pictures):
    table = read_data(write_pictures("train/a/1.png", "train/b/1.png", "val/a/1.png"), wanted=IMAGE)

    assert [item.split for item in table.items] == ["train", "train", "test"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.npz", b"PK\x03\x04", "arrays of numbers"),
        ("x.zip", b"PK\x03\x04", "unpack it"),
        ("x.jpg", b"\xff\xd8\xff", "give the folder that holds the classes"),
    ],
)
def test_files_that_are_no_data_say_what_was_expected(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_data(tmp_path / name, wanted=IMAGE)


def test_what_is_not_there_suggests_what_is(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(DataError, match=r"nothing at .*perhaps .*photos is meant"):
        read_data(tmp_path / "fotos", wanted=IMAGE)


def test_unknown_prefixes_suggest_known_ones():
    with pytest.raises(UnknownNameError, match="'sklearn'"):
        read_data("sklern:digits", wanted=IMAGE)


def test_every_reader_can_be_loaded():
    assert all(callable(READERS[name]) for name in READERS)
