"""Balanced accuracy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.metrics.per_class import class_counts, mean_over_classes, recall


def balanced_accuracy(labels: NDArray[np.int64], predictions: NDArray[np.int64]) -> float:
    r"""Mean recall over the classes, so that a large class counts no more than a small one.

    .. math:: \frac{1}{|K|} \sum_{c \in K} \frac{TP_c}{TP_c + FN_c}

    K are the classes that occur in ``labels``: a class without items has no recall (Brodersen et al. 2010,
    "The balanced accuracy and its posterior distribution"; no correction for chance).

    Args:
        labels: Class indices, shape ``(N,)``.
        predictions: Class indices, shape ``(N,)``.

    Returns:
        A share in [0, 1]; higher is better.

    Raises:
        UsageError: The arrays do not belong together.

    Example:
        >>> balanced_accuracy(np.array([0, 1, 1, 1, 1]), np.array([0, 1, 1, 0, 0]))
        0.75
    """
    return float(mean_over_classes(recall(class_counts(labels, predictions))))
