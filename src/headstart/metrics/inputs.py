"""What every metric asks of its arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError


def check_predictions(labels: NDArray[np.int64], predictions: NDArray[np.int64]) -> None:
    """Refuses labels and predictions that do not belong together.

    Raises:
        UsageError: They are not two integer arrays of one shape ``(N,)`` with N >= 1 and values from 0 on.
    """
    _check_labels(labels)
    if predictions.shape != labels.shape or predictions.dtype.kind not in "iu" or predictions.min() < 0:
        raise UsageError(
            f"Expected `predictions` to be class indices of shape {labels.shape}, but got "
            f"{predictions.dtype} of shape {predictions.shape}; pass one class index from 0 on per label."
        )


def check_probabilities(labels: NDArray[np.int64], probabilities: NDArray[Any]) -> None:
    """Refuses labels and probabilities that do not belong together.

    Raises:
        UsageError: ``probabilities`` is not ``(N, C)`` with rows of finite values in [0, 1] that sum to one,
            or a label is not below C.
    """
    _check_labels(labels)
    if probabilities.ndim != 2 or len(probabilities) != len(labels):
        raise UsageError(
            f"Expected `probabilities` to have the shape ({len(labels)}, C), but got {probabilities.shape}; "
            "pass one row per label and one column per class."
        )
    if labels.max() >= probabilities.shape[1]:
        raise UsageError(
            f"Expected `labels` to be below {probabilities.shape[1]}, the columns of `probabilities`, "
            f"but got {labels.max()}; pass a column for every class."
        )
    sums = probabilities.sum(axis=1, dtype=np.float64)
    if not (np.abs(sums - 1.0) < 1e-2).all() or probabilities.min() < 0:
        raise UsageError(
            "Expected every row of `probabilities` to hold values in [0, 1] that sum to one, but "
            f"row {_first_bad_row(probabilities, sums)} does not; pass softmax outputs, not logits."
        )


def _check_labels(labels: NDArray[np.int64]) -> None:
    if labels.ndim != 1 or not len(labels) or labels.dtype.kind not in "iu" or labels.min() < 0:
        raise UsageError(
            f"Expected `labels` to be class indices of shape (N,) with N >= 1, but got {labels.dtype} "
            f"of shape {labels.shape}; pass one class index from 0 on per item."
        )


def _first_bad_row(probabilities: NDArray[Any], sums: NDArray[np.float64]) -> int:
    good = (np.abs(sums - 1.0) < 1e-2) & (probabilities >= 0).all(axis=1)
    return int(np.argmin(good))
