import os
from collections import Counter
from pathlib import Path

import pytest

from headstart.core.errors import DataError, UsageError
from headstart.data.columns import Columns
from headstart.data.items import ItemTable
from headstart.data.readers.folder import read_folder
from headstart.modalities.image import IMAGE


def read(folder: Path) -> ItemTable:
    return read_folder(str(folder), columns=Columns(), wanted=IMAGE)


def labels(table: ItemTable) -> dict[str, str | None]:
    return {item.id: item.label for item in table.items}


def test_class_folders_without_splits(write_pictures):
    table = read(write_pictures("cat/2.png", "dog/1.jpg", "cat/1.PNG"))

    assert [(item.id, item.label, item.split) for item in table.items] == [
        ("cat/1.PNG", "cat", None),
        ("cat/2.png", "cat", None),
        ("dog/1.jpg", "dog", None),
    ]
    assert table.items[0].source.read().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Training", "VALID", "Testing"), ("train", "dev", "test")]
)
def test_split_folders_whatever_they_are_called(write_pictures, names):
    table = read(write_pictures(*(f"{split}/{label}/1.png" for split in names for label in ("cat", "dog"))))

    assert Counter((item.split, item.label) for item in table.items) == Counter(
        (split, label) for split in ("train", "validation", "test") for label in ("cat", "dog")
    )


def test_folders_inside_a_class_belong_to_the_class(write_pictures):
    table = read(write_pictures("cat/1.png", "cat/more/2.png", "dog/a/b/3.png"))

    assert labels(table) == {"cat/1.png": "cat", "cat/more/2.png": "cat", "dog/a/b/3.png": "dog"}


def test_class_folders_that_hold_only_folders_make_classes_of_paths(write_pictures):
    table = read(write_pictures("Greek/a/1.png", "Greek/b/1.png", "Latin/a/1.png", "Latin/a/deep/2.png"))

    assert table.classes == ("Greek/a", "Greek/b", "Latin/a")
    assert labels(table)["Latin/a/deep/2.png"] == "Latin/a"
    assert "path of 2 folders" in table.ledger.notes[0]


def test_depth_is_the_same_in_all_splits(write_pictures):
    table = read(
        write_pictures("train/Greek/a/1.png", "train/Greek/b/1.png", "test/Greek/a/2.png", "test/Greek/b/2.png")
    )

    assert table.classes == ("Greek/a", "Greek/b")


def test_one_folder_around_everything_is_stepped_into(write_pictures):
    table = read(write_pictures("photos/train/cat/1.png", "photos/train/dog/1.png", "photos/test/cat/2.png"))

    assert labels(table)["photos/test/cat/2.png"] == "cat"
    assert {item.split for item in table.items} == {"train", "test"}


def test_pictures_beside_class_folders_are_counted(write_pictures):
    table = read(write_pictures("cat/1.png", "dog/1.png", "lost.png"))

    assert [(entry.id, entry.reason) for entry in table.ledger.excluded] == [("lost.png", "outside every class folder")]


def test_other_kinds_of_files_stand_in_the_ledger(write_pictures):
    root = write_pictures("cat/1.png", "dog/1.png")
    (root / "cat" / "README.md").write_text("about cats")
    (root / "dog" / "photo.heic").write_bytes(b"1")
    (root / "LICENCE").write_text("free")

    table = read(root)

    assert [(entry.id, entry.reason) for entry in table.ledger.excluded] == [
        ("cat/README.md", "other kind of file"),
        ("dog/photo.heic", "other kind of file"),
    ]
    assert [entry.id for entry in table.ledger.ignored] == ["LICENCE"]


def test_other_kinds_between_class_folders_stand_in_the_ledger_too(write_pictures):
    root = write_pictures("Greek/a/1.png", "Latin/b/1.png")
    (root / "Greek" / "notes.txt").write_text("")

    assert [entry.id for entry in read(root).ledger.excluded] == ["Greek/notes.txt"]


def test_empty_class_folders_are_remembered(write_pictures):
    root = write_pictures("cat/1.png", "dog/1.png")
    (root / "wasp" / "inner").mkdir(parents=True)

    assert read(root).ledger.empty_classes == ["wasp"]


def test_links_inside_are_read_and_links_to_folders_are_not_followed(write_pictures):
    root = write_pictures("cat/1.png", "dog/1.png")
    (root / "cat" / "again.png").symlink_to(root / "dog" / "1.png")
    (root / "loop").symlink_to(root)

    table = read(root)

    assert labels(table)["cat/again.png"] == "cat"
    assert [entry.reason for entry in table.ledger.excluded] == ["link to a folder"]


def test_links_that_lead_out_are_refused_together(write_pictures, tmp_path_factory):
    root = write_pictures("cat/1.png", "dog/1.png")
    outside = tmp_path_factory.mktemp("outside") / "secret.png"
    outside.write_bytes(b"secret")
    (root / "cat" / "a.png").symlink_to(outside)
    (root / "dog" / "b.png").symlink_to(outside)

    with pytest.raises(DataError, match="2 links lead out") as caught:
        read(root)
    assert "cat/a.png" in str(caught.value) and "dog/b.png" in str(caught.value)


def test_names_that_are_not_text_get_a_readable_id(write_pictures):
    root = write_pictures("cat/1.png", "dog/1.png")
    (root / "cat" / "1.png").rename(os.fsdecode(bytes(root / "cat") + b"/caf\xe9.png"))

    table = read(root)

    assert table.items[0].id == "cat/caf\\xe9.png"
    assert table.items[0].source.read().startswith(b"\x89PNG")


def test_columns_make_no_sense_for_a_folder(write_pictures):
    with pytest.raises(UsageError, match="'species'"):
        read_folder(str(write_pictures("cat/1.png")), columns=Columns(label="species"), wanted=IMAGE)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "count", "classes", "splits"),
    [
        ("ants_bees", 132, 2, {"train": 88, "validation": 44}),
        ("cifar10", 4000, 10, {"train": 3000, "test": 1000}),
        ("omniglot_letters", 2720, 136, {None: 2720}),
        ("coil20", 1440, 20, {None: 1440}),
    ],
)
def test_real_folders(real_data, name, count, classes, splits):
    table = read(real_data / name)

    assert (len(table.items), len(table.classes)) == (count, classes)
    assert Counter(item.split for item in table.items) == Counter(splits)
    assert not table.ledger.excluded


def test_a_table_in_a_folder_without_items_is_suggested(tmp_path):
    (tmp_path / "reviews.csv").write_text("text,label\n")
    with pytest.raises(DataError, match=r"or the table .*/reviews\.csv"):
        read(tmp_path)
