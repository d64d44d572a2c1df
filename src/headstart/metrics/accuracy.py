"""Accuracy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.metrics.inputs import check_predictions


def accuracy(labels: NDArray[np.int64], predictions: NDArray[np.int64]) -> float:
    r"""Share of items whose predicted class is their label.

    .. math:: \frac{1}{N} \sum_i [\hat{y}_i = y_i]

    Args:
        labels: Class indices, shape ``(N,)``.
        predictions: Class indices, shape ``(N,)``.

    Returns:
        A share in [0, 1]; higher is better.

    Raises:
        UsageError: The arrays do not belong together.

    Example:
        >>> accuracy(np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0]))
        0.75
    """
    check_predictions(labels, predictions)
    return float(np.mean(labels == predictions))
