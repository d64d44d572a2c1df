"""Fault 9: what operating systems and notebooks leave behind is no class and no picture, and is said to be there."""

from pathlib import Path

from headstart.data.readers.reading import read_data
from headstart.data.readers.unlabelled import read_unlabelled
from headstart.modalities.image import IMAGE

LEFT_BEHIND = (
    ".DS_Store",
    "cat/.DS_Store",
    "cat/._1.jpg",
    "cat/Thumbs.db",
    "dog/desktop.ini",
    "dog/.ipynb_checkpoints/1-checkpoint.jpg",
    ".ipynb_checkpoints/2.jpg",
    "__MACOSX/cat/._1.jpg",
    ".git/config",
)


def make(root: Path) -> Path:
    for name in (*LEFT_BEHIND, "cat/1.jpg", "dog/1.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\xff\xd8\xff")
    return root


def test_nothing_left_behind_becomes_an_item_or_a_class(tmp_path):
    table = read_data(make(tmp_path), wanted=IMAGE)

    assert [item.id for item in table.items] == ["cat/1.jpg", "dog/1.jpg"]
    assert table.classes == ("cat", "dog")
    assert not table.ledger.excluded
    assert not table.ledger.empty_classes
    assert {entry.id for entry in table.ledger.ignored} == {
        ".DS_Store", ".git", ".ipynb_checkpoints", "__MACOSX", "cat/.DS_Store", "cat/._1.jpg", "cat/Thumbs.db",
        "dog/.ipynb_checkpoints", "dog/desktop.ini",
    }  # fmt: skip
    assert {entry.reason for entry in table.ledger.ignored} == {"system or hidden file"}


def test_prediction_passes_over_them_too(tmp_path):
    table = read_unlabelled([make(tmp_path)], wanted=IMAGE)

    assert len(table.items) == 2
    assert len(table.ledger.ignored) == 9
