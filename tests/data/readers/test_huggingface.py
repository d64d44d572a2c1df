import io
import sys

import numpy as np
import pytest
from PIL import Image

from headstart.core.errors import DataError, UnavailableError
from headstart.data.columns import Columns
from headstart.data.items import content_digest
from headstart.data.readers.huggingface import is_saved_dataset, read_huggingface
from headstart.data.readers.reading import read_data

datasets = pytest.importorskip("datasets")


def png(seed: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (6, 7, 3), dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def tiny(labels: list[int], **more: list[str]):
    features = datasets.Features(
        {
            "photo": datasets.Image(),
            "kind": datasets.ClassLabel(names=["cat", "dog"]),
            **{name: datasets.Value("string") for name in more},
        }
    )
    photos = [{"bytes": png(seed), "path": None} for seed in range(len(labels))]
    return datasets.Dataset.from_dict({"photo": photos, "kind": labels, **more}, features=features)


def read(path, **columns):
    return read_huggingface(str(path), columns=Columns(**columns), suffixes=frozenset())


def test_saved_splits_with_their_class_names(tmp_path):
    datasets.DatasetDict({"train": tiny([0, 1, 1]), "validation": tiny([1]), "extra": tiny([0])}).save_to_disk(tmp_path)
    assert is_saved_dataset(tmp_path)

    table = read_data(tmp_path, suffixes=frozenset())

    assert [(item.id, item.label, item.split) for item in table.items] == [
        ("train/0000000", "cat", "train"),
        ("train/0000001", "dog", "train"),
        ("train/0000002", "dog", "train"),
        ("validation/0000000", "dog", "test"),
    ]
    assert table.items[1].source.read() == png(1)
    assert len({content_digest(item.source.read()) for item in table.items}) == 3
    assert any("'extra' (1 rows)" in note for note in table.ledger.notes)


def test_one_saved_set_with_groups_and_unlabelled_rows(tmp_path):
    tiny([0, -1, 1], site=["north", "north", "south"]).save_to_disk(tmp_path)

    table = read(tmp_path, group="site")

    assert [(item.label, item.group, item.split) for item in table.items] == [
        ("cat", "north", None),
        ("dog", "south", None),
    ]
    assert table.ledger.counts() == {"empty cell": 1}


def test_columns_that_are_not_there_are_named(tmp_path):
    tiny([0, 1]).save_to_disk(tmp_path)
    with pytest.raises(DataError, match="'species' is not among photo, kind"):
        read(tmp_path, label="species")


def test_offline_fails_at_once(monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(UnavailableError, match="hf:nobody/nothing"):
        read("nobody/nothing")


def test_a_hub_that_does_not_answer_fails_without_retries(monkeypatch):
    from huggingface_hub import constants

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError("no route")

    def sleep(seconds: float) -> None:
        raise AssertionError("waited for a hub that does not answer")

    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setattr("headstart.data.readers.huggingface.getproxies", dict)
    monkeypatch.setattr("time.sleep", sleep)
    with pytest.raises(UnavailableError, match="hf:nobody/nothing"):
        read("nobody/nothing")

    assert not constants.HF_HUB_OFFLINE


def test_missing_library_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UnavailableError, match=r"headstart\[hf\]"):
        read("nobody/nothing")
