"""Fault 26: a class called like a split, nested folders, two splits only, a table of numbers given as pictures."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from headstart.core.errors import DataError
from headstart.data.readers.reading import read_data
from headstart.modalities.image import IMAGE


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\xff\xd8\xff")
    return root


def read(root: Path):
    return read_data(root, wanted=IMAGE)


def test_a_class_called_test_is_a_class_beside_other_classes(tmp_path):
    table = read(make(tmp_path, "test/1.jpg", "control/1.jpg", "placebo/1.jpg"))

    assert table.classes == ("control", "placebo", "test")
    assert {item.split for item in table.items} == {None}


def test_a_class_called_test_inside_splits_is_a_class(tmp_path):
    table = read(make(tmp_path, "train/test/1.jpg", "train/control/1.jpg", "test/test/1.jpg", "test/control/1.jpg"))

    assert Counter((item.split, item.label) for item in table.items) == {
        (split, label): 1 for split in ("train", "test") for label in ("test", "control")
    }


def test_one_nested_folder_changes_no_label(tmp_path):
    table = read(make(tmp_path, "cat/1.jpg", "cat/2019/2.jpg", "dog/1.jpg"))

    assert [item.label for item in table.items] == ["cat", "cat", "dog"]


def test_of_two_splits_the_second_is_the_test_split(tmp_path):
    table = read(make(tmp_path, "train/cat/1.jpg", "train/dog/1.jpg", "val/cat/2.jpg", "val/dog/2.jpg"))

    assert Counter(item.split for item in table.items) == {"train": 2, "test": 2}
    assert any("two splits only" in note for note in table.ledger.notes)


def test_splits_beside_another_folder_of_folders_are_refused_with_names(tmp_path):
    make(tmp_path, "train/cat/1.jpg", "train/dog/1.jpg", "test/cat/1.jpg", "unlabelled/x/1.jpg")

    with pytest.raises(
        DataError, match=r"'test', 'train' look like splits .* and 'unlabelled' do not; move the latter out"
    ):
        read(tmp_path)


def test_an_empty_folder_beside_splits_does_not_hide_them(tmp_path):
    make(tmp_path, "train/cat/1.jpg", "train/dog/1.jpg", "test/cat/1.jpg")
    (tmp_path / "docs").mkdir()

    table = read(tmp_path)

    assert {item.split for item in table.items} == {"train", "test"}
    assert "docs/ holds nothing that can be used." in table.ledger.notes


def test_a_flat_folder_says_what_was_found_and_what_to_do(tmp_path):
    with pytest.raises(DataError) as caught:
        read(make(tmp_path, "1.jpg", "2.jpg", "3.jpg"))

    for words in (
        "cat/ and dog/",
        "found 3 files directly in the folder itself",
        "make a folder for each class",
    ):
        assert words in str(caught.value)


def test_split_folders_without_classes_say_so(tmp_path):
    with pytest.raises(DataError, match="found 2 files directly in test and train and no class folders"):
        read(make(tmp_path, "train/1.jpg", "test/2.jpg"))


def test_no_picture_at_all_says_what_there_is(tmp_path):
    with pytest.raises(DataError, match=r"found no file with '\.bmp'.*but files with '\.wav'"):
        read(make(tmp_path, "cat/1.wav", "dog/2.wav"))


@pytest.mark.parametrize("name", ["numbers.csv", "numbers.parquet"])
def test_a_table_of_numbers_is_refused(tmp_path, name):
    if name.endswith("csv"):
        (tmp_path / name).write_text("length,width,species\n5.1,3.5,0\n4.9,3.0,1\n")
    else:
        pa = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        parquet.write_table(pa.table({"length": [5.1, 4.9], "width": [3.5, 3.0], "species": [0, 1]}), tmp_path / name)

    with pytest.raises(DataError, match=r"found a table of numbers \(2 rows; .*Pretrained perception does not apply"):
        read(tmp_path / name)


def test_arrays_of_numbers_are_refused(tmp_path):
    np.savez(tmp_path / "x.npz", a=np.zeros((3, 4)))

    with pytest.raises(DataError, match=r"arrays of numbers in .*x\.npz"):
        read(tmp_path / "x.npz")
