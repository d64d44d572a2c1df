"""The confusion matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError
from headstart.metrics.inputs import check_predictions


def confusion_matrix(labels: NDArray[np.int64], predictions: NDArray[np.int64], *, classes: int) -> NDArray[np.int64]:
    """Counts of every pair of label and prediction.

    Args:
        labels: Class indices, shape ``(N,)``.
        predictions: Class indices, shape ``(N,)``.
        classes: Number of classes C.

    Returns:
        Shape ``(C, C)``: the row is the label, the column the prediction; the sum is N.

    Raises:
        UsageError: The arrays do not belong together, or an index is not below ``classes``.

    Example:
        >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 1, 0]), classes=2)
        array([[1, 0],
               [1, 1]])
    """
    check_predictions(labels, predictions)
    if (largest := max(labels.max(), predictions.max())) >= classes:
        raise UsageError(
            f"Expected class indices below `classes` = {classes}, but got {largest}; pass the number of all classes."
        )
    cells = np.bincount(labels * classes + predictions, minlength=classes * classes)
    return cells.reshape(classes, classes)
