"""Rows of features, read a chunk at a time, so that there may be more of them than memory holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

CHUNK_BYTES = 32 * 1024**2


class Rows(Protocol):
    """Rows of features that may be larger than memory."""

    @property
    def shape(self) -> tuple[int, int]:
        """``(N, D)``."""

    def chunks(self, size: int) -> Iterator[tuple[slice, Float32]]:
        """All rows in order, at most ``size`` at a time, each with the places where they stand."""


class SelectableRows(Rows, Protocol):
    """Rows of which some can be had alone."""

    def select(self, which: NDArray[np.intp]) -> SelectableRows:
        """The rows ``which``, in that order."""


@dataclass(frozen=True)
class ArrayRows:
    """Rows in an array, in memory or memory-mapped, of any float type."""

    array: NDArray[np.floating]

    @property
    def shape(self) -> tuple[int, int]:
        """``(N, D)``."""
        return len(self.array), self.array.shape[1]

    def select(self, which: NDArray[np.intp]) -> ArrayRows:
        """The rows ``which``, in that order."""
        return ArrayRows(self.array[which])

    def chunks(self, size: int) -> Iterator[tuple[slice, Float32]]:
        """All rows in order, at most ``size`` at a time, as float32."""
        for start in range(0, len(self.array), size):
            place = slice(start, min(start + size, len(self.array)))
            yield place, np.asarray(self.array[place], dtype=np.float32)
