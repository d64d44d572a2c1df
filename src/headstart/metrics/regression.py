"""How far predicted numbers are from measured ones, as functions of sums over items."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError

#: What is summed over items, in this order: absolute error, squared error, target, squared target, one. Targets are
#: counted from their mean, so that squares of large numbers are not subtracted from each other.
COLUMNS = ("absolute error", "squared error", "target", "squared target", "items")

#: Targets vary where their variance is more than this share of their mean square: below it is rounding.
_LEAST_VARIATION = 1e-9


def error_summands(targets: NDArray[Any], predictions: NDArray[Any]) -> NDArray[np.float64]:
    """What the metrics of some predictions are made of.

    Args:
        targets: Measured numbers, shape ``(N,)`` with N >= 1.
        predictions: Predicted ones, shape ``(N,)``.

    Returns:
        One row of :data:`COLUMNS` per item, shape ``(N, 5)``.

    Raises:
        UsageError: Both are not equally many finite numbers.

    Example:
        >>> error_summands(np.array([1.0, 3.0]), np.array([1.0, 2.0])).tolist()
        [[0.0, 0.0, -1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, 1.0]]
    """
    targets, predictions = np.asarray(targets, np.float64), np.asarray(predictions, np.float64)
    if targets.ndim != 1 or not len(targets) or targets.shape != predictions.shape:
        raise UsageError(
            f"Expected as many predictions as targets, at least one, but got shapes {predictions.shape} and "
            f"{targets.shape}; predict every item."
        )
    if not (np.isfinite(targets).all() and np.isfinite(predictions).all()):
        raise UsageError("Expected finite targets and predictions, but some are not; leave those items out.")
    errors, centred = predictions - targets, targets - targets.mean()
    return np.stack([np.abs(errors), errors**2, centred, centred**2, np.ones(len(targets))], axis=1)


def mean_absolute_error(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    r""":math:`\frac{1}{N} \sum_n |\hat{y}_n - y_n|`, in the targets' own unit.

    Args:
        sums: Of :func:`error_summands`, shape ``(..., 5)``.

    Returns:
        Shape ``(...)``; 0 is perfect.
    """
    return np.asarray(sums[..., 0] / sums[..., 4])


def root_mean_squared_error(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    r""":math:`\sqrt{\frac{1}{N} \sum_n (\hat{y}_n - y_n)^2}`, in the targets' own unit.

    Args:
        sums: Of :func:`error_summands`, shape ``(..., 5)``.

    Returns:
        Shape ``(...)``; 0 is perfect, and large errors count more than in :func:`mean_absolute_error`.
    """
    return np.asarray(np.sqrt(sums[..., 1] / sums[..., 4]))


def r_squared(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""The coefficient of determination :math:`R^2 = 1 - \sum_n (\hat{y}_n - y_n)^2 / \sum_n (y_n - \bar{y})^2`.

    The share of the targets' variance that the predictions explain: 1 is perfect, 0 is no better than always saying
    the mean of these targets, and below 0 is worse than that.

    Args:
        sums: Of :func:`error_summands`, shape ``(..., 5)``.

    Returns:
        Shape ``(...)``, at most 1. Where all targets are equal nothing is there to be explained: 1 without any error,
        else 0, as scikit-learn has it.

    Example:
        >>> float(r_squared(error_summands(np.array([1.0, 3.0]), np.array([1.0, 2.0])).sum(axis=0)))
        0.5
    """
    variation = sums[..., 3] - sums[..., 2] ** 2 / sums[..., 4]
    varies = variation > _LEAST_VARIATION * sums[..., 3]
    unexplained = np.where(sums[..., 1] > 0, 1.0, 0.0)
    np.divide(sums[..., 1], variation, out=unexplained, where=varies)
    return np.asarray(1 - unexplained)
