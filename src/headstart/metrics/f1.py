"""Macro F1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.metrics.per_class import class_counts, f1, mean_over_classes


def macro_f1(labels: NDArray[np.int64], predictions: NDArray[np.int64]) -> float:
    r"""Mean F1 over the classes.

    .. math:: \frac{1}{|K|} \sum_{c \in K} \frac{2 TP_c}{2 TP_c + FP_c + FN_c}

    K are the classes that occur in ``labels``. A class without items could only ever score 0, whatever the
    model does; its false predictions already cost the recall of the classes they were taken from.
    (scikit-learn's macro average counts such a class as 0 as soon as it is predicted once; pass it
    ``labels=np.unique(labels)`` for this value. The mean of F1 values is the one that Opitz and Burst 2019,
    "Macro F1 and Macro F1", recommend.)

    Args:
        labels: Class indices, shape ``(N,)``.
        predictions: Class indices, shape ``(N,)``.

    Returns:
        A value in [0, 1]; higher is better.

    Raises:
        UsageError: The arrays do not belong together.

    Example:
        >>> round(macro_f1(np.array([0, 1, 1, 1]), np.array([0, 1, 1, 0])), 3)
        0.733
    """
    return float(mean_over_classes(f1(class_counts(labels, predictions))))
