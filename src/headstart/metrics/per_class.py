"""Precision, recall and F1 of each class, from counts that may have leading axes (one row per resample)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.metrics.inputs import check_predictions


@dataclass(frozen=True, eq=False)
class ClassCounts:
    """What precision, recall and F1 are made of.

    Attributes:
        hits: Items of the class that were predicted as it, shape ``(..., C)``.
        support: Items of the class, shape ``(..., C)``.
        predicted: Items predicted as the class, shape ``(..., C)``.
    """

    hits: NDArray[Any]
    support: NDArray[Any]
    predicted: NDArray[Any]


def class_counts(
    labels: NDArray[np.int64], predictions: NDArray[np.int64], *, classes: int | None = None
) -> ClassCounts:
    """Counts hits, support and predictions of each class.

    Args:
        labels: Class indices, shape ``(N,)``.
        predictions: Class indices, shape ``(N,)``.
        classes: Number of classes C; by default the largest index plus one.

    Returns:
        Three int64 arrays of shape ``(C,)``.

    Raises:
        UsageError: The arrays do not belong together.

    Example:
        >>> class_counts(np.array([0, 1, 1]), np.array([0, 1, 0])).hits
        array([1, 1])
    """
    check_predictions(labels, predictions)
    size = classes or int(max(labels.max(), predictions.max())) + 1
    hits, support, predicted = (
        np.bincount(indices, minlength=size) for indices in (labels[labels == predictions], labels, predictions)
    )
    return ClassCounts(hits, support, predicted)


def precision(counts: ClassCounts) -> NDArray[np.float64]:
    r"""Share of the items predicted as a class that belong to it: :math:`TP / (TP + FP)`.

    Returns:
        Shares in [0, 1] of shape ``(..., C)``; NaN for a class that was never predicted.

    Example:
        >>> precision(class_counts(np.array([0, 1, 1]), np.array([0, 1, 0])))
        array([0.5, 1. ])
    """
    return _ratio(counts.hits, counts.predicted)


def recall(counts: ClassCounts) -> NDArray[np.float64]:
    r"""Share of a class's items that were predicted as it: :math:`TP / (TP + FN)`.

    Returns:
        Shares in [0, 1] of shape ``(..., C)``; NaN for a class without items.

    Example:
        >>> recall(class_counts(np.array([0, 1, 1]), np.array([0, 1, 0])))
        array([1. , 0.5])
    """
    return _ratio(counts.hits, counts.support)


def f1(counts: ClassCounts) -> NDArray[np.float64]:
    r"""Harmonic mean of precision and recall: :math:`2 TP / (2 TP + FP + FN)`.

    Returns:
        Values in [0, 1] of shape ``(..., C)``; 0 for a class that was never predicted, NaN for a class
        without items.

    Example:
        >>> f1(class_counts(np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0]))).round(3)
        array([0.667, 0.8  ])
    """
    values = _ratio(2 * counts.hits, counts.support + counts.predicted)
    return np.where(counts.support > 0, values, np.nan)


def mean_over_classes(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean over the last axis of the classes for which a value is defined (not NaN)."""
    defined = ~np.isnan(values)
    means: NDArray[np.float64] = np.where(defined, values, 0.0).sum(axis=-1) / defined.sum(axis=-1)
    return means


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    ratios: NDArray[np.float64] = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=ratios, where=np.asarray(whole) > 0)
    return ratios
