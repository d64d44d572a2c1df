"""Mean average precision: how well items that have a label are ranked above those that have not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def average_precision(there: NDArray[Any], scores: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.float64]:
    r"""The precision at the place of each item that has the label, averaged: :math:`\sum_k (R_k - R_{k-1}) P_k`.

    Items of equal scores stand at one place. It is what scikit-learn's ``average_precision_score`` is, for many
    weightings of the items at once.

    Args:
        there: Whether each item has the label, ``(N,)``.
        scores: The higher, the more likely it is to have it, ``(N,)``.
        weights: How often each item counts, ``(W, N)``.

    Returns:
        Shape ``(W,)``, in [0, 1]; NaN where no item that counts has the label.

    Example:
        >>> average_precision(np.array([1, 0, 1]), np.array([0.9, 0.8, 0.1]), np.ones((1, 3))).round(3).tolist()
        [0.833]
    """
    order = np.argsort(-np.asarray(scores), kind="stable")
    ordered = np.asarray(scores)[order]
    last = np.searchsorted(-ordered, -ordered, side="right") - 1
    counted = np.asarray(weights, np.float64)[:, order]
    hits = counted * np.asarray(there, np.bool_)[order]
    above, found = counted.cumsum(axis=1)[:, last], hits.cumsum(axis=1)
    precision = np.divide(found[:, last], above, out=np.zeros_like(above), where=above > 0)
    total = found[:, -1]
    values: NDArray[np.float64] = np.full(len(total), np.nan)
    np.divide((hits * precision).sum(axis=1), total, out=values, where=total > 0)
    return values


def mean_average_precision(there: NDArray[Any], scores: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.float64]:
    """The mean of :func:`average_precision` over the labels that any item has.

    Args:
        there: Whether each item has each label, ``(N, C)``.
        scores: ``(N, C)``.
        weights: How often each item counts, ``(W, N)``.

    Returns:
        Shape ``(W,)``, in [0, 1]; 0 where no item that counts has any label.
    """
    total, defined = np.zeros(len(weights)), np.zeros(len(weights))
    for label in range(there.shape[1]):
        values = average_precision(there[:, label], scores[:, label], weights)
        known = ~np.isnan(values)
        total[known] += values[known]
        defined += known
    return np.divide(total, defined, out=np.zeros_like(total), where=defined > 0)
