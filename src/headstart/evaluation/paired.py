"""Two models on the same items: how far apart they are, and what a split of this size could show."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError
from headstart.evaluation.intervals import CONFIDENCE, Interval, effective_size, two_sided_z


def paired_difference(
    right: NDArray[np.bool_], opponent_right: NDArray[np.bool_], *, groups: NDArray[Any] | None = None
) -> Interval:
    r"""Difference of two accuracies on the same items, with the adjusted Wald interval of Bonett and Price.

    .. math:: \tilde{p}_{12} - \tilde{p}_{21} \pm z \sqrt{\frac{\tilde{p}_{12} + \tilde{p}_{21} -
        (\tilde{p}_{12} - \tilde{p}_{21})^2}{n + 2}}, \quad \tilde{p}_{jk} = \frac{n_{jk} + 1}{n + 2}

    n12 counts the items that only the first model got right, n21 those that only the opponent did. (Bonett
    and Price 2012, "Adjusted Wald Confidence Interval for a Difference of Binomial Proportions Based on
    Paired Data". Simulated beside Newcombe's 1998 method 10 for 10 to 150 items: as wide, and more careful
    where the true difference is 0.) With groups, the counts are scaled to the effective size of the item
    differences. A grouped bootstrap was tried and covered as little as 83 % with five to ten groups.

    Args:
        right: Whether the model is right about each item, shape ``(N,)``.
        opponent_right: The same for its opponent, shape ``(N,)``.
        groups: Group of each item, shape ``(N,)``; ``None`` where items are independent.

    Returns:
        Accuracy less the opponent's, in [-1, 1], with its interval.

    Raises:
        UsageError: The arrays differ in shape or are empty.

    Example:
        >>> difference = paired_difference(np.array([1, 1, 1, 1, 0], bool), np.array([1, 0, 0, 1, 0], bool))
        >>> difference.value, round(difference.low, 2), round(difference.high, 2)
        (0.4, -0.23, 0.8)
    """
    _check_pairs(right, opponent_right)
    differences = right.astype(np.int64) - opponent_right
    size = len(right) if groups is None else effective_size(differences, groups)
    scale = size / len(right)
    gains = (float((differences > 0).sum()) * scale + 1) / (size + 2)
    losses = (float((differences < 0).sum()) * scale + 1) / (size + 2)
    margin = two_sided_z(CONFIDENCE) * sqrt((gains + losses - (gains - losses) ** 2) / (size + 2))
    value = float(differences.mean())
    low, high = max(-1.0, gains - losses - margin), min(1.0, gains - losses + margin)
    return Interval(value, min(low, value), max(high, value))


def discordance(right: NDArray[np.bool_], opponent_right: NDArray[np.bool_]) -> float:
    """Share of the items about which exactly one of the two models is right.

    Raises:
        UsageError: The arrays differ in shape or are empty.
    """
    _check_pairs(right, opponent_right)
    return float(np.mean(right != opponent_right))


def smallest_detectable_difference(size: float, discordance: float, *, power: float = 0.8) -> float:
    r"""The smallest true difference that a split of this size shows in ``power`` of all cases.

    It is the d that solves

    .. math:: d \sqrt{n} = z_{1 - \alpha / 2} \sqrt{\psi} + z_{power} \sqrt{\psi - d^2}

    with :math:`\psi` the discordance (Connor 1987, "Sample size for testing differences in proportions for
    the paired-sample design"). Two models cannot differ by more than they disagree, so :math:`\psi` is raised
    to d where it is smaller. This keeps the answer honest where they never disagreed: it is then about 7.8 /
    (n + 3.8), not 0.

    Args:
        size: Number of items, or their effective number where they are grouped; above 0.
        discordance: Share of items about which exactly one model is right, in [0, 1].
        power: How often the difference is to be shown, in (0.5, 1).

    Returns:
        A difference of accuracies in (0, 1]; 1 where no difference could be shown.

    Raises:
        UsageError: ``size`` is not positive or ``discordance`` is no share.

    Example:
        >>> round(smallest_detectable_difference(1000, 0.1), 3)
        0.028
        >>> round(smallest_detectable_difference(44, 0.0), 3)
        0.169
    """
    if size <= 0 or not 0 <= discordance <= 1:
        raise UsageError(
            f"Expected a positive `size` and a `discordance` in [0, 1], but got {size} and {discordance}; "
            "measure both on the test split."
        )
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        shown = middle * sqrt(size) >= _needed(middle, max(discordance, middle), power=power)
        low, high = (low, middle) if shown else (middle, high)
    return high


def _needed(difference: float, discordance: float, *, power: float) -> float:
    spread = sqrt(max(0.0, discordance - difference**2))
    return two_sided_z(CONFIDENCE) * sqrt(discordance) + NormalDist().inv_cdf(power) * spread


def _check_pairs(right: NDArray[np.bool_], opponent_right: NDArray[np.bool_]) -> None:
    if right.ndim != 1 or not len(right) or right.shape != opponent_right.shape:
        raise UsageError(
            f"Expected one truth value per item for both models, but got shapes {right.shape} and "
            f"{opponent_right.shape}; judge both on the same items."
        )
