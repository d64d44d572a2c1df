"""Features in their principal axes: as few numbers as there are directions, which do not disturb each other."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.files import reserve
from headstart.features.rows import CHUNK_BYTES, ArrayRows, Float32, Rows

MOST_EXACT_AXES = 2048
MOST_ROTATED_BYTES = 256 * 1024**2


@dataclass(frozen=True)
class PrincipalAxes:
    """A rotation of centred, scaled features to their principal axes.

    Attributes:
        mean: ``(D,)``, the mean row.
        scale: The root mean square of the centred features, one number for all of them.
        axes: ``(D, R)``, orthonormal columns.
        variances: ``(R,)``, mean square of the scaled rows along each axis.
    """

    mean: Float32
    scale: float
    axes: Float32
    variances: Float32

    def rotate(self, features: Float32) -> Float32:
        """``(n, D)`` features to ``(n, R)`` coordinates."""
        rotated: Float32 = (features - self.mean) @ (self.axes / np.float32(self.scale))
        return rotated

    def to_features(self, coefficients: Float32, bias: Float32) -> tuple[Float32, Float32]:
        """Coefficients ``(R, C)`` and bias ``(C,)`` on coordinates, as ``(D, C)`` and ``(C,)`` on the features."""
        weights = (self.axes / np.float32(self.scale)) @ coefficients
        return weights.astype(np.float32), (bias - self.mean @ weights).astype(np.float32)


def principal_axes(rows: Rows, *, most: int = MOST_EXACT_AXES, seed: int = 0) -> PrincipalAxes:
    """The principal axes of rows, from their Gram matrix on whichever side is smaller.

    Args:
        rows: ``(N, D)``.
        most: The most axes to keep. Where there are more, the leading ones are found by randomised subspace iteration
            (Halko, Martinsson & Tropp 2011, algorithm 4.4, one iteration).
        seed: For the random start of that iteration.

    Returns:
        At most ``min(N, D, most)`` axes, leading first; directions without variance are dropped.
    """
    count, dim = rows.shape
    total = _sum_over(rows, lambda chunk: chunk.sum(axis=0, dtype=np.float64))
    mean: Float32 = (total / count).astype(np.float32)
    squares = _sum_over(rows, lambda chunk: np.square(chunk - mean).sum(dtype=np.float64))
    scale = float(np.sqrt(squares / (count * dim))) or 1.0
    if min(count, dim) > most:
        axes = _leading_axes(rows, mean, most, seed)
    elif count < dim:
        axes = _axes_from_few_rows(rows, mean)
    else:
        gram = _sum_over(rows, lambda chunk: _gram(chunk - mean))
        axes = np.linalg.eigh(gram)[1][:, ::-1]
    axes = np.ascontiguousarray(axes, dtype=np.float32)
    energy = _sum_over(rows, lambda chunk: np.square((chunk - mean) @ axes).sum(axis=0, dtype=np.float64))
    variances = energy / (count * scale**2)
    kept = variances > 1e-7 * max(float(variances.max(initial=0.0)), 1e-30)
    return PrincipalAxes(mean, scale, axes[:, kept], variances[kept].astype(np.float32))


def rotated(rows: Rows, axes: PrincipalAxes) -> ArrayRows:
    """All rows in principal axes, once: in memory, or where they are many in half precision in a temporary file."""
    count, dim = rows.shape[0], axes.axes.shape[1]
    size = max(1, CHUNK_BYTES // (4 * rows.shape[1]))
    coordinates: NDArray[np.floating]
    if 4 * count * dim <= MOST_ROTATED_BYTES:
        coordinates = np.empty((count, dim), dtype=np.float32)
    else:
        # The file has no name any more when this returns; the system frees it with the last reference.
        with tempfile.TemporaryFile() as stream:
            reserve(stream, 2 * count * dim)
            coordinates = np.memmap(stream, dtype=np.float16, mode="w+", shape=(count, dim))
    for place, chunk in rows.chunks(size):
        coordinates[place] = axes.rotate(chunk)
    return ArrayRows(coordinates)


def _sum_over(rows: Rows, of: Callable[[Float32], NDArray[Any]]) -> NDArray[Any]:
    size = max(1, CHUNK_BYTES // (4 * rows.shape[1]))
    total: NDArray[Any] = sum((of(chunk) for _, chunk in rows.chunks(size)), start=np.zeros(()))
    return total


def _axes_from_few_rows(rows: Rows, mean: Float32) -> Float32:
    centred = np.concatenate([chunk - mean for _, chunk in rows.chunks(rows.shape[0])])
    values, vectors = np.linalg.eigh(centred @ centred.T)
    kept = values > 1e-6 * max(float(values[-1]), 1e-30)
    axes = centred.T @ vectors[:, kept][:, ::-1]
    return np.asarray(axes / np.linalg.norm(axes, axis=0), dtype=np.float32)


def _leading_axes(rows: Rows, mean: Float32, most: int, seed: int) -> Float32:
    axes = np.random.default_rng(seed).standard_normal((rows.shape[1], most + 10)).astype(np.float32)
    for _ in range(2):
        axes = np.linalg.qr(_gram_product(rows, mean, axes))[0]
    # Within the subspace that was found, the axes themselves come from its own small Gram matrix (Rayleigh-Ritz).
    vectors = np.linalg.eigh(axes.T @ _gram_product(rows, mean, axes))[1]
    leading: Float32 = axes @ vectors[:, ::-1][:, :most]
    return leading


def _gram(centred: Float32) -> Float32:
    return np.asarray(centred.T @ centred, dtype=np.float32)


def _gram_product(rows: Rows, mean: Float32, axes: Float32) -> Float32:
    """The Gram matrix of the centred rows times some axes, without the Gram matrix."""

    def product(chunk: Float32) -> Float32:
        centred = chunk - mean
        return np.asarray(centred.T @ (centred @ axes), dtype=np.float32)

    return _sum_over(rows, product)
