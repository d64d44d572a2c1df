"""Log loss, also called cross-entropy or negative log-likelihood."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.metrics.inputs import check_probabilities

#: A probability of zero counts as this, so that one sure mistake is dear but finite (36 nats).
SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)


def log_loss(labels: NDArray[np.int64], probabilities: NDArray[Any]) -> float:
    r"""Mean negative logarithm of the probability given to the true class.

    .. math:: -\frac{1}{N} \sum_i \ln p_{i, y_i}

    Args:
        labels: Class indices, shape ``(N,)``.
        probabilities: Rows that sum to one, shape ``(N, C)``; values below 2.2e-16 count as that.

    Returns:
        Nats per item in [0, 36.05]; lower is better. Always saying 1/C gives ln C.

    Raises:
        UsageError: The arrays do not belong together.

    Example:
        >>> round(log_loss(np.array([0, 1]), np.array([[0.5, 0.5], [0.5, 0.5]])), 4)
        0.6931
    """
    return float(np.mean(item_log_losses(labels, probabilities)))


def item_log_losses(labels: NDArray[np.int64], probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """The log loss of each item, shape ``(N,)``, in nats.

    Raises:
        UsageError: The arrays do not belong together.
    """
    check_probabilities(labels, probabilities)
    given = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return -np.log(np.clip(given, SMALLEST_PROBABILITY, 1.0))
