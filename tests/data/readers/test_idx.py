import gzip
import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from headstart.core.errors import DataError
from headstart.data.columns import Columns
from headstart.data.readers.idx import read_idx, read_idx_array
from headstart.modalities.image import IMAGE


def idx_bytes(array: np.ndarray) -> bytes:
    return (
        bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()
    )


def write_set(folder: Path, *, packed: bool = True) -> np.ndarray:
    pictures = np.random.default_rng(0).integers(0, 256, (7, 5, 4), dtype=np.uint8)
    end = ".gz" if packed else ""
    pack = gzip.compress if packed else bytes
    for start in ("train", "t10k"):
        (folder / f"{start}-images-idx3-ubyte{end}").write_bytes(pack(idx_bytes(pictures)))
        (folder / f"{start}-labels-idx1-ubyte{end}").write_bytes(pack(idx_bytes(np.arange(7))))
    return pictures


def read(path: Path):
    return read_idx(str(path), columns=Columns(), wanted=IMAGE)


@pytest.mark.parametrize("packed", [True, False])
def test_folder_of_two_splits(tmp_path, packed):
    pictures = write_set(tmp_path, packed=packed)

    table = read(tmp_path)

    assert Counter(item.split for item in table.items) == {"train": 7, "test": 7}
    by_id = {item.id: item for item in table.items}
    assert by_id["test/00003"].label == "3"
    assert np.array_equal(by_id["train/00006"].source.read(), pictures[6])


def test_one_file_is_one_split(tmp_path):
    write_set(tmp_path)

    assert {item.split for item in read(tmp_path / "t10k-images-idx3-ubyte.gz").items} == {"test"}


@pytest.mark.parametrize("length", [5, 15, 60, -1])
def test_truncated_gzip_is_named(tmp_path, length):
    write_set(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:length])

    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz.*truncated"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "magic"),
        (b"\0\0\x0d\3" + bytes(20), "magic number 0x00000803"),
        (idx_bytes(np.zeros((2, 3, 4)))[:-1], "truncated"),
        (idx_bytes(np.zeros((2, 3, 4))) + b"more", "appended"),
        (gzip.compress(idx_bytes(np.zeros((2, 3, 4))) + b"more"), "appended"),
        (gzip.compress(b"\0\0\x08\3" + b"\xff" * 12), "cannot hold"),
    ],
)
def test_wrong_content_is_named(tmp_path, content, message):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx_array(tmp_path / "x", dimensions=3)


def test_counts_must_agree_and_labels_be_there(tmp_path):
    write_set(tmp_path, packed=False)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.arange(6)))
    with pytest.raises(DataError, match="holds 7 and train-labels-idx1-ubyte 6"):
        read(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="labels beside"):
        read(tmp_path)


@pytest.mark.data
def test_real_digits(real_data):
    table = read(real_data / "mnist")

    train = Counter(item.label for item in table.items if item.split == "train")
    assert [train[str(digit)] for digit in range(10)] == [591, 631, 641, 631, 605, 551, 567, 613, 569, 601]
    assert len(table.items) == 8000
