import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from headstart.core.errors import UnavailableError, UnknownNameError
from headstart.data.columns import Columns
from headstart.data.items import content_digest
from headstart.data.readers.torchvision_sets import read_torchvision
from headstart.modalities.image import IMAGE


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))
    return tmp_path


def read(name: str):
    return read_torchvision(name, columns=Columns(), wanted=IMAGE)


def write_idx(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(head + array.astype(np.uint8).tobytes())


def test_files_that_are_there_are_read_without_fetching(cache):
    raw = cache / "datasets" / "torchvision" / "FashionMNIST" / "FashionMNIST" / "raw"
    pictures = np.random.default_rng(0).integers(0, 256, (4, 28, 28), dtype=np.uint8)
    for start in ("train", "t10k"):
        write_idx(raw / f"{start}-images-idx3-ubyte", pictures)
        write_idx(raw / f"{start}-labels-idx1-ubyte", np.array([9, 0, 3, 9]))

    table = read("FashionMNIST")

    assert Counter((item.split, item.label) for item in table.items)["train", "Ankle boot"] == 2
    first = next(item for item in table.items if item.id == "test/0000000")
    assert np.array_equal(first.source.read(), pictures[0])
    assert content_digest(first.source.read()) != content_digest(table.items[1].source.read())


def test_what_cannot_be_fetched_is_named(cache, monkeypatch):
    from torchvision.datasets import utils

    def offline(*args: object, **kwargs: object) -> None:
        raise OSError("no network here")

    monkeypatch.setattr(utils.urllib.request, "urlopen", offline)
    with pytest.raises(UnavailableError, match=r"torchvision:CIFAR10.*neither in .* nor to be had"):
        read("CIFAR10")


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(UnknownNameError, match="'CIFAR10'"):
        read("CIFAR-10")
