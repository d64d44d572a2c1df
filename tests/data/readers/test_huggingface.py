import io
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from headstart.core.errors import DataError, UnavailableError
from headstart.data.columns import Columns
from headstart.data.items import content_digest
from headstart.data.readers.huggingface import is_saved_dataset, read_huggingface
from headstart.data.readers.reading import read_data
from headstart.modalities.image import IMAGE
from headstart.modalities.text import TEXT

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
    return read_huggingface(str(path), columns=Columns(**columns), wanted=IMAGE)


def test_saved_splits_with_their_class_names(tmp_path):
    datasets.DatasetDict({"train": tiny([0, 1, 1]), "validation": tiny([1]), "extra": tiny([0])}).save_to_disk(tmp_path)
    assert is_saved_dataset(tmp_path)

    table = read_data(tmp_path, wanted=IMAGE)

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


def words(**more):
    columns = {"idx": [0, 1, 2], "sentence": ["good", "bad", None], "label": [1, 0, 1], **more}
    return datasets.Dataset.from_dict(columns)


def read_texts(path, **columns):
    table = read_huggingface(str(path), columns=Columns(**columns), wanted=TEXT)
    return [(item.source.read(), item.label) for item in table.items]


def test_texts_are_found_by_type_and_name(tmp_path):
    words().save_to_disk(tmp_path)

    assert read_texts(tmp_path) == [(b"good", "1"), (b"bad", "0"), (b"", "1")]


def test_texts_under_unknown_names_are_those_with_most_words(tmp_path):
    rows = {"source": ["x", "y"], "opinion": ["rather good", "a bad one"], "label": ["1", "0"]}
    datasets.Dataset.from_dict(rows).save_to_disk(tmp_path)

    assert read_texts(tmp_path) == [(b"rather good", "1"), (b"a bad one", "0")]


def test_pairs_of_texts_are_found_by_name_or_named(tmp_path):
    words(sentence1=["a", "b", "c"], sentence2=["d", "e", "f"]).save_to_disk(tmp_path)

    assert read_texts(tmp_path)[0] == (b"a\x1ed", "1")
    assert read_texts(tmp_path, item="sentence2")[0] == (b"d", "1")
    assert read_texts(tmp_path, item="sentence2", second="sentence1")[0] == (b"d\x1ea", "1")


def test_data_without_texts_say_what_is_there(tmp_path):
    tiny([0, 1]).save_to_disk(tmp_path)
    with pytest.raises(DataError, match="no column is of the type string; there are photo, kind"):
        read_texts(tmp_path)


def test_encoded_sounds_are_read_without_being_decoded(tmp_path):
    sounds = [{"bytes": b"RIFF1", "path": None}, {"bytes": b"RIFF2", "path": "x.wav"}]
    features = datasets.Features({"sound": datasets.Audio(), "label": datasets.Value("string")})
    plain = datasets.Features(
        {"sound": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}, "label": features["label"]}
    )
    table = datasets.Dataset.from_dict({"sound": sounds, "label": ["a", "b"]}, features=plain)
    table.cast_column("sound", datasets.Audio(decode=False)).save_to_disk(tmp_path)

    found = read_huggingface(str(tmp_path), columns=Columns(), wanted=replace(IMAGE, feature="Audio"))

    assert [(item.source.read(), item.label) for item in found.items] == [(b"RIFF1", "a"), (b"RIFF2", "b")]
