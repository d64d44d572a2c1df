"""When a dearer model is worth having: it has to be better by more than the validation split's own noise."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

#: Smaller probabilities count as this one.
_LEAST = 1e-12


def clearly_better(
    challenger: NDArray[np.floating], champion: NDArray[np.floating], labels: NDArray[np.int64]
) -> bool:
    r"""The one-standard-error rule on paired log losses (Breiman et al., "Classification and Regression Trees", 1984).

    With :math:`d_n = \log p'_n - \log p_n`, the gain in log probability of the right class of item :math:`n`, the
    challenger is better where

    .. math:: \bar{d} > \sqrt{\frac{1}{N (N - 1)} \sum_n (d_n - \bar{d})^2}

    and it is right about at least as many items. Among several trainings the luckiest looks better on a small split
    than it is; on 14 validation photos one that was worse on test looked perfect.

    Args:
        challenger: Class probabilities of the dearer model, shape ``(N, C)``.
        champion: Those of the simpler one.
        labels: Shape ``(N,)``.

    Returns:
        Whether to take the challenger; never with fewer than two items.

    Example:
        >>> labels = np.array([0, 0, 1, 1])
        >>> sure = np.array([[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7]])
        >>> clearly_better(sure, np.full((4, 2), 0.5), labels), clearly_better(sure, sure, labels)
        (True, False)
    """
    if len(labels) < 2:
        return False
    places = np.arange(len(labels))
    ours, theirs = (np.log(np.maximum(rows[places, labels], _LEAST)) for rows in (challenger, champion))
    gains = ours - theirs
    right, before = ((rows.argmax(axis=1) == labels).sum() for rows in (challenger, champion))
    return bool(right >= before and gains.mean() > gains.std(ddof=1) / sqrt(len(labels)))
