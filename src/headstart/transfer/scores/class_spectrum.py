"""Features and labels as linear methods see them: eigenvalues, and how the classes lie along the eigenvectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Directions whose eigenvalue is below this share of the largest are rounding noise of float32 features.
_SMALLEST_SHARE = 1e-11
_CHUNK = 1024


@dataclass(frozen=True)
class ClassSpectrum:
    r"""What the singular value decomposition :math:`F = U \Sigma V^\top` and the classes have in common.

    Attributes:
        eigenvalues: ``(R,)``, the squares of the singular values, largest first; R is the rank of ``F``.
        coordinates: ``(R, C)``, :math:`U^\top Y` for the one-hot labels :math:`Y` ``(N, C)``.
        counts: ``(C,)``, examples per class.
    """

    eigenvalues: NDArray[np.float64]
    coordinates: NDArray[np.float64]
    counts: NDArray[np.int64]

    @property
    def examples(self) -> int:
        """N."""
        return int(self.counts.sum())


def class_spectrum(features: NDArray[np.floating], labels: NDArray[np.int64], classes: int) -> ClassSpectrum:
    r"""One eigendecomposition for all classes, on whichever side of the features is smaller.

    Where there are fewer features than examples, :math:`F^\top F = V \Sigma^2 V^\top` gives
    :math:`U^\top Y = \Sigma^{-1} V^\top (F^\top Y)`, and :math:`F^\top Y` is no more than the sums of the features by
    class; else :math:`F F^\top = U \Sigma^2 U^\top` is decomposed.

    Args:
        features: ``(N, D)``.
        labels: ``(N,)``, in ``0 .. classes - 1``.
        classes: C.
    """
    counts = np.bincount(labels, minlength=classes)
    if features.shape[1] <= features.shape[0]:
        eigenvalues, axes = _positive_part(_gram(features))
        sums = sums_by_class(features, labels, classes)
        coordinates = axes.T @ sums.T / np.sqrt(eigenvalues)[:, None]
    else:
        rows = np.asarray(features, dtype=np.float64)
        eigenvalues, axes = _positive_part(rows @ rows.T)
        coordinates = sums_by_class(axes, labels, classes).T
    return ClassSpectrum(eigenvalues, coordinates, counts)


def sums_by_class(rows: NDArray[np.floating], labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """The sum of the rows ``(N, D)`` of each class, ``(C, D)``; 0 for a class without any."""
    sums = np.zeros((classes, rows.shape[1]))
    order = np.argsort(labels, kind="stable")
    there, starts = np.unique(labels[order], return_index=True)
    for label, places in zip(there, np.split(order, starts[1:]), strict=True):
        sums[label] = rows[places].sum(axis=0, dtype=np.float64)
    return sums


def _gram(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    """``(D, D)``, in float64 but without a copy of all rows in float64."""
    gram = np.zeros((rows.shape[1], rows.shape[1]))
    for start in range(0, len(rows), _CHUNK):
        chunk = rows[start : start + _CHUNK].astype(np.float64)
        gram += chunk.T @ chunk
    return gram


def _positive_part(gram: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues, largest first, and eigenvectors of a Gram matrix, without those that are only rounding."""
    eigenvalues, axes = np.linalg.eigh(gram)
    kept = eigenvalues > max(_SMALLEST_SHARE * eigenvalues[-1], np.finfo(np.float64).tiny)
    return eigenvalues[kept][::-1], axes[:, kept][:, ::-1]
