"""Which weights are these? One hash over all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def weights_sha256(library: str, architecture: str, tensors: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over library, architecture and each tensor's name, dtype, shape and bytes, sorted by name.

    Args:
        library: The library that builds the architecture.
        architecture: Its name there.
        tensors: The state of the model without its classifier, under the source's names.

    Returns:
        64 hexadecimal digits, the same for the same weights on every machine.

    Example:
        >>> weights_sha256("timm", "toy", {"w": np.zeros(2, np.float32)})[:8]
        'ee9206cb'
    """
    digest = hashlib.sha256(f"{library}\n{architecture}\n".encode())
    for name in sorted(tensors):
        values = np.asarray(tensors[name])
        little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
        digest.update(f"{name}\n{values.dtype.name}\n{values.shape}\n".encode())
        digest.update(little.tobytes())
    return digest.hexdigest()
