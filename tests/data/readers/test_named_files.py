"""Labels in the names of files, as fastai's users are used to."""

import pytest

from headstart.core.errors import DataError, UsageError
from headstart.data.columns import Columns
from headstart.data.readers.reading import read_data
from headstart.data.readers.recognition import recognise
from headstart.modalities.image import IMAGE
from headstart.modalities.sound import SOUND

DIGIT = r"(?P<label>\d)_(?P<group>[a-z]+)[^/]*$"


@pytest.fixture
def files(tmp_path):
    def write(*names):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(b"content")
        return tmp_path

    return write


def read(folder, pattern=DIGIT, wanted=SOUND, **columns):
    return read_data(folder, columns=Columns(pattern=pattern, **columns), wanted=wanted)


def test_labels_and_groups_come_from_names(files):
    table = read(files("7_theo_0.wav", "more/3_jackson_1.wav", "7_theo_1.mp3", "hum.wav"))
    assert [(item.id, item.label, item.group, item.split) for item in table.items] == [
        ("7_theo_0.wav", "7", "theo", None),
        ("7_theo_1.mp3", "7", "theo", None),
        ("more/3_jackson_1.wav", "3", "jackson", None),
    ]
    assert table.items[0].source.read() == b"content"
    assert [(entry.id, entry.reason) for entry in table.ledger.excluded] == [("hum.wav", "no label")]
    assert table.ledger.notes == ["Labels were read from the names of files: '7' from 7_theo_0.wav."]


def test_splits_are_found_as_for_class_folders(files):
    folder = files("in/train/7_a.wav", "in/test/3_b.wav")
    expected = {"train/7_a.wav": "train", "test/3_b.wav": "test"}
    assert {item.id: item.split for item in read(folder / "in").items} == expected
    assert [item.split for item in read(folder).items] == ["test", "train"]
    ledger = read(files("in/7_c.wav", "in/notes.txt") / "in").ledger
    assert [(entry.id, entry.reason) for entry in ledger.excluded] == [("7_c.wav", "outside every split folder")]
    assert [entry.id for entry in ledger.ignored] == ["notes.txt"]


def test_a_file_of_another_kind_counts_where_its_name_matches(files):
    ledger = read(files("7_a.wav", "3_b.m4a", "readme.md")).ledger
    assert [(entry.id, entry.reason) for entry in ledger.excluded] == [("3_b.m4a", "other kind of file")]
    assert [entry.id for entry in ledger.ignored] == ["readme.md"]


def test_folders_of_a_path_may_be_the_class(files):
    table = read(files("ward/7/loud/1.wav", "ward/8/soft/1.wav"), r"([^/]+)/[^/]+$")
    assert table.classes == ("loud", "soft")


def test_a_table_beside_the_files_is_not_read(files):
    folder = files("7_a.png", "3_b.png")
    (folder / "metadata.csv").write_text("file_name,label\n7_a.png,seven\n")
    assert read(folder, wanted=IMAGE).classes == ("3", "7")


def test_no_match_shows_a_path(files):
    with pytest.raises(DataError, match=r"such as '7_a\.wav', but it matches none of the 2 files"):
        read(files("7_a.wav", "8_a.wav"), "([A-Z]+)")
    with pytest.raises(DataError, match=r"\.wav.*found none"):
        read(files("x/7_a.jpg") / "x")


def test_a_pattern_needs_a_folder_and_nothing_but_a_folder(files):
    folder = files("7_a.wav")
    (folder / "t.csv").write_text("path,label\n7_a.wav,7\n")
    for data in (folder / "t.csv", "sklearn:digits"):
        for reads in (read, lambda data: recognise(str(data), Columns(pattern=DIGIT))):
            with pytest.raises(UsageError, match="Expected a folder of files where a pattern"):
                reads(data)
    with pytest.raises(UsageError, match="'kind'"):
        read(folder, label="kind")
    with pytest.raises(UsageError, match="regular expression"):
        read(folder, "(")


def test_the_kind_of_data_is_that_of_all_files(files):
    folder = str(files("7_a.wav", "8_b.wav", "covers/1.jpg"))
    assert recognise(folder) == "image"
    assert recognise(folder, Columns(pattern=DIGIT)) == "sound"
