"""The idx format of MNIST and its relatives, plain or gzipped.

A folder (or one of its files) such as ``train-images-idx3-ubyte.gz``, ``train-labels-idx1-ubyte.gz`` and the
same with ``t10k``, which is the test split. http://yann.lecun.com/exdb/mnist/ describes the bytes.
"""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import DataError
from headstart.data.columns import Columns
from headstart.data.items import ArraySource, Item, ItemTable, Ledger, Split
from headstart.data.readers.wanted import Wanted

_IMAGES = re.compile(r"^(?P<start>.*?)(?P<split>train|t10k|test)-images[-.]idx3-ubyte(\.gz)?$")
_LABELS = re.compile(r"-labels[-.]idx1-ubyte(\.gz)?$")
_SPLITS: dict[str, Split] = {"train": "train", "t10k": "test", "test": "test"}
#: Deflate cannot shrink further than this, so a header that promises more than this many times the file is
#: wrong.
_MOST_DEFLATED = 1032


def read_idx(data: str, *, columns: Columns, wanted: Wanted) -> ItemTable:
    """Reads pairs of image and label files.

    Args:
        data: The folder, or one of the image files in it; then only that one is read.
        columns: Must be empty.
        wanted: Not used: the format holds pictures of its own.

    Returns:
        Items named ``train/00017`` by their place in the file, counted from 0, with the digits of their
        labels.

    Raises:
        DataError: A file is missing, truncated, or not idx; or counts differ.
    """
    columns.refuse_for(data)
    path = Path(data)
    files = [path] if path.is_file() else idx_files(path)
    if not files:
        raise DataError(f"Expected files such as train-images-idx3-ubyte.gz in {data}, but there are none.")
    items = [item for file in files for item in _read_pair(file)]
    name = (path if path.is_dir() else path.parent).resolve().name
    return ItemTable(name, data, tuple(sorted(items, key=lambda item: item.id)), Ledger())


def idx_files(folder: Path) -> list[Path]:
    """The idx files of images in a folder."""
    return sorted(path for path in folder.iterdir() if _IMAGES.match(path.name))


def _read_pair(images: Path) -> list[Item]:
    named = _IMAGES.match(images.name)
    if named is None:
        raise DataError(f"Expected an idx file of images such as train-images-idx3-ubyte.gz, but got {images}.")
    labels = _labels_of(images, named["start"] + named["split"])
    pictures = read_idx_array(images, dimensions=3)
    classes = read_idx_array(labels, dimensions=1)
    if len(pictures) != len(classes):
        raise DataError(
            f"Expected as many labels as pictures, but {images.name} holds {len(pictures)} and {labels.name} "
            f"{len(classes)}; they do not belong together."
        )
    split = _SPLITS[named["split"]]
    width = max(5, len(str(len(pictures))))
    return [
        Item(f"{split}/{number:0{width}d}", ArraySource(picture), str(label), None, split)
        for number, (picture, label) in enumerate(zip(pictures, classes.tolist(), strict=True))
    ]


def _labels_of(images: Path, start: str) -> Path:
    for path in images.parent.iterdir():
        if path.name.startswith(f"{start}-labels") and _LABELS.search(path.name):
            return path
    raise DataError(f"Expected the labels beside {images}, in {start}-labels-idx1-ubyte.gz, but they are not there.")


def read_idx_array(path: Path, *, dimensions: int) -> NDArray[np.uint8]:
    """Reads one idx file of unsigned bytes.

    Args:
        path: The file; gzipped where its bytes say so.
        dimensions: How many the array must have.

    Raises:
        DataError: The magic number is another, or the file is shorter or longer than its header says.
    """
    raw = path.read_bytes()
    try:
        content = _unpacked(raw, dimensions) if raw.startswith(b"\x1f\x8b") else raw
    except (EOFError, zlib.error, OSError) as error:
        raise DataError(
            f"Expected {path} to be a whole gzip file, but it is truncated or broken ({error}); fetch it again."
        ) from error
    head = 4 + 4 * dimensions
    if len(content) < head or content[:4] != bytes([0, 0, 8, dimensions]):
        raise DataError(
            f"Expected {path} to begin with the idx magic number 0x{0x800 + dimensions:08x}, but it begins "
            f"with 0x{content[:4].hex()}."
        )
    shape = struct.unpack(f">{dimensions}I", content[4:head])
    if len(content) - head != np.prod(shape, dtype=object):
        raise DataError(
            f"Expected {path} to hold {' × '.join(map(str, shape))} bytes, but it holds "
            f"{len(content) - head}; it is truncated or has something appended."
        )
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)


def _unpacked(raw: bytes, dimensions: int) -> bytes:
    """The unpacked bytes, never more than one beyond what the header promises."""
    unpacker = zlib.decompressobj(wbits=31)
    head = unpacker.decompress(raw, 4 + 4 * dimensions)
    if len(head) < 4 + 4 * dimensions:
        raise EOFError("it ends within the header")
    promised = int(np.prod(struct.unpack(f">{dimensions}I", head[4:]), dtype=object))
    if promised > _MOST_DEFLATED * len(raw):
        raise EOFError(f"its header promises {promised:,} bytes, which {len(raw):,} packed bytes cannot hold")
    rest = unpacker.decompress(unpacker.unconsumed_tail, promised + 1)
    if len(rest) == promised and not unpacker.eof:
        rest += unpacker.decompress(unpacker.unconsumed_tail, 1)
    if not unpacker.eof and len(rest) <= promised:
        raise EOFError(f"it ends after {len(rest):,} of {promised:,} bytes")
    return head + rest
