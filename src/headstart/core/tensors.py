"""Reading weights from disk without trusting them.

A safetensors file is judged by its bytes before anything is allocated: a pickle or an archive under whatever
name, a header that is larger than the file, tensors that overlap, leave gaps or reach past the end, other
names or shapes than expected, NaN or infinity are all refused, and nothing is ever retried in a less safe
way.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import WeightsError

MOST_HEADER_BYTES = 32 * 1024**2
_ITEM_BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8,
    "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}  # fmt: skip
_OTHER_FORMATS = {
    b"\x80": "a Python pickle",
    b"PK": "a zip archive (torch.save's format holds a pickle)",
    b"\x1f\x8b": "a gzip archive",
    b"\x89HDF": "an HDF5 file",
    b"\x93NUMPY": "a NumPy file",
}


def safetensors_header(path: Path) -> dict[str, dict[str, Any]]:
    """The checked header of a safetensors file: name to ``dtype``, ``shape`` and ``data_offsets``.

    Args:
        path: The file, whatever its name ends in.

    Raises:
        WeightsError: The bytes are another format, or the header is not a valid one for a file of this size.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(8)
        for magic, what in _OTHER_FORMATS.items():
            if start.startswith(magic) and not _plausible_length(start, size):
                raise WeightsError(
                    f"Expected {path} to be a safetensors file, but its bytes are {what}; it was not opened "
                    "further. Convert it with safetensors where you trust it."
                )
        if not _plausible_length(start, size):
            raise WeightsError(
                f"Expected {path} to be a safetensors file, but its first 8 bytes promise no header that "
                f"fits in {size:,} bytes; it is truncated or another format."
            )
        raw = stream.read(struct.unpack("<Q", start)[0])
    try:
        header = json.loads(raw)
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
        _check_layout(entries, size - 8 - len(raw))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WeightsError(
            f"Expected {path} to be an intact safetensors file, but its header is wrong: {error}."
        ) from error
    return entries


def read_tensors(path: Path, *, expected: Mapping[str, tuple[int, ...]] | None = None) -> dict[str, NDArray[Any]]:
    """Reads a safetensors file into NumPy arrays after checking all that can be checked.

    Args:
        path: The file.
        expected: Names and shapes that must be there, all of them and no others; ``None`` takes what there
            is.

    Returns:
        Name to array, writable; bfloat16 comes as float32.

    Raises:
        WeightsError: See :func:`safetensors_header`; or names or shapes differ from ``expected``; or a value
            is not finite.
    """
    header = safetensors_header(path)
    if expected is not None:
        check_shapes(path, {name: tuple(entry["shape"]) for name, entry in header.items()}, expected)
    tensors = {}
    with path.open("rb") as stream:
        first = 8 + struct.unpack("<Q", stream.read(8))[0]
        for name, entry in header.items():
            begin, end = entry["data_offsets"]
            stream.seek(first + begin)
            tensors[name] = _decode(stream.read(end - begin), entry["dtype"]).reshape(entry["shape"])
    check_finite(path, tensors)
    return tensors


def check_shapes(path: Path, found: Mapping[str, tuple[int, ...]], expected: Mapping[str, tuple[int, ...]]) -> None:
    """Refuses weights whose names or shapes are not the expected ones, with all differences in one message.

    Raises:
        WeightsError: Lists missing, unexpected and differently shaped tensors.
    """
    problems = [f"missing: {name} {shape}" for name, shape in expected.items() if name not in found]
    problems += [f"unexpected: {name} {shape}" for name, shape in found.items() if name not in expected]
    problems += [
        f"shape of {name}: expected {expected[name]}, got {shape}"
        for name, shape in found.items()
        if name in expected and expected[name] != shape
    ]
    if problems:
        more = f"\n  - and {len(problems) - 20} more" if len(problems) > 20 else ""
        listed = "\n".join(f"  - {problem}" for problem in problems[:20])
        raise WeightsError(f"Expected {path} to hold {len(expected)} tensors of this architecture, but\n{listed}{more}")


def check_finite(path: Path, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Refuses weights that hold NaN or infinity.

    Raises:
        WeightsError: Names the first tensor concerned and how many of its values are not finite.
    """
    for name, values in tensors.items():
        if values.dtype.kind == "f" and (bad := int(np.size(values) - np.isfinite(values).sum())):
            raise WeightsError(
                f"Expected finite weights in {path}, but {bad} of {values.size} values of {name!r} are NaN or infinite."
            )


def _plausible_length(start: bytes, size: int) -> bool:
    return len(start) == 8 and 2 <= struct.unpack("<Q", start)[0] <= min(MOST_HEADER_BYTES, size - 8)


def _item_bytes(name: str, dtype: str) -> int:
    if dtype not in _ITEM_BYTES:
        raise ValueError(f"{name!r} has the dtype {dtype!r}; known are {', '.join(_ITEM_BYTES)}")
    return _ITEM_BYTES[dtype]


def _decode(raw: bytes, dtype: str) -> NDArray[Any]:
    if dtype == "BF16":  # the upper half of a float32; NumPy has no such type
        return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
    kinds = {"F": "<f", "I": "<i", "U": "<u"}
    return np.frombuffer(raw, "?" if dtype == "BOOL" else f"{kinds[dtype[0]]}{_ITEM_BYTES[dtype]}").copy()


def _check_layout(entries: Mapping[str, Mapping[str, Any]], data_bytes: int) -> None:
    position = 0
    for name, entry in sorted(entries.items(), key=lambda pair: tuple(pair[1]["data_offsets"])):
        begin, end = entry["data_offsets"]
        shape = entry["shape"]
        if any(type(number) is not int or number < 0 for number in (*shape, begin, end)):
            raise ValueError(f"{name!r} has the shape {shape} and the bytes {begin} to {end}")
        count = 1
        for side in shape:
            count *= side
        if begin != position or end - begin != count * _item_bytes(name, entry["dtype"]):
            raise ValueError(f"{name!r} of shape {shape} claims bytes {begin} to {end}, which do not fit")
        position = end
    if position != data_bytes:
        raise ValueError(f"the tensors end at byte {position} of {data_bytes}")
