"""Memory that a training step let go of is kept for the next step, instead of being handed back and asked for again."""

from __future__ import annotations

import contextlib
import ctypes
import platform
from collections.abc import Iterator

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
#: Blocks up to this size come from the heap, and the heap keeps so much that is free.
_KEPT_BLOCK, _KEPT_FREE = 2**30, 2**31 - 1
#: What glibc's own thresholds rise to when a program frees large blocks; the C library cannot be asked for them.
_USUAL_BLOCK, _USUAL_FREE = 2**25, 2**26


@contextlib.contextmanager
def kept_memory() -> Iterator[None]:
    """Inside the block freed memory stays with the process; does nothing where the C library is not glibc.

    By default glibc returns every large block to the system, which then clears its pages anew: on two cores a step of
    EfficientNet-Lite0 with 32 photos faulted in 650,000 pages and took 1.2 s, and 0.7 s where it faulted in none.
    Afterwards what is free goes back to the system.
    """
    library = _glibc()
    if library is None:
        yield
        return
    _set(library, _KEPT_BLOCK, _KEPT_FREE)
    try:
        yield
    finally:
        _set(library, _USUAL_BLOCK, _USUAL_FREE)
        library.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


def _set(library: ctypes.CDLL, block: int, free: int) -> None:
    library.mallopt(_MMAP_THRESHOLD, block)
    library.mallopt(_TRIM_THRESHOLD, free)
