"""Values with their 95 % intervals, and the closed forms for rates."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A measured value and the range that would cover the true one in ``CONFIDENCE`` of all test splits.

    Attributes:
        value: What was measured.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float]:
        """As plain JSON values."""
        return asdict(self)


def wilson(successes: float, total: float, *, confidence: float = CONFIDENCE) -> Interval:
    r"""A rate with Wilson's score interval.

    .. math:: \frac{\hat{p} + z^2 / 2n \pm z \sqrt{\hat{p} (1 - \hat{p}) / n + z^2 / 4 n^2}}{1 + z^2 / n}

    Unlike the textbook's :math:`\hat{p} \pm z s`, it holds its coverage for small n and for rates near 0 and
    1 (Wilson 1927; Brown, Cai and DasGupta 2001, "Interval Estimation for a Binomial Proportion").

    Args:
        successes: Items of one outcome; may be fractional where ``total`` is an effective size.
        total: Items in all, above 0.
        confidence: Coverage in (0, 1).

    Returns:
        The rate, with its interval inside [0, 1].

    Raises:
        UsageError: ``total`` is not positive, or ``successes`` is not between 0 and ``total``.

    Example:
        >>> interval = wilson(44, 44)
        >>> interval.value, round(interval.low, 3), interval.high
        (1.0, 0.92, 1.0)
    """
    if not 0 <= successes <= total or total <= 0:
        raise UsageError(
            f"Expected 0 <= successes <= total and total > 0, but got {successes} of {total}; count the items again."
        )
    z = two_sided_z(confidence)
    rate = successes / total
    centre = rate + z * z / (2 * total)
    margin = z * sqrt(rate * (1 - rate) / total + (z / (2 * total)) ** 2)
    scale = 1 + z * z / total
    low = 0.0 if successes == 0 else max(0.0, (centre - margin) / scale)
    high = 1.0 if successes == total else min(1.0, (centre + margin) / scale)
    return Interval(rate, low, high)


def rate(outcomes: NDArray[np.bool_], *, groups: NDArray[Any] | None = None) -> Interval:
    """The share of true outcomes, with Wilson's interval; items of one group count as far as they differ.

    Args:
        outcomes: Whether each item is right, shape ``(N,)`` with N >= 1.
        groups: Group of each item, shape ``(N,)``; ``None`` where items are independent.

    Returns:
        The rate, with the interval for :func:`effective_size` items.

    Raises:
        UsageError: There are no outcomes.
    """
    if not len(outcomes):
        raise UsageError("Expected `outcomes` to hold at least one item, but got none; leave out empty classes.")
    share = float(np.mean(outcomes))
    size = len(outcomes) if groups is None else effective_size(outcomes, groups)
    interval = wilson(share * size, size)
    return Interval(share, interval.low, interval.high)


def mean_of_rates(rates: list[Interval]) -> Interval:
    r"""The mean of independent rates, with an interval made from theirs.

    .. math:: \bar{p} - \frac{1}{C} \sqrt{\textstyle\sum_c (\hat{p}_c - l_c)^2}, \quad
        \bar{p} + \frac{1}{C} \sqrt{\textstyle\sum_c (u_c - \hat{p}_c)^2}

    The method of variance estimates recovery (Zou and Donner 2008, "Construction of confidence limits about
    effect measures"). It stays honest where every rate is 0 or 1 and resampling would call the mean certain.

    Args:
        rates: At least one rate with its interval.

    Returns:
        The mean, with its interval inside [0, 1].

    Example:
        >>> round(mean_of_rates([wilson(22, 22), wilson(22, 22)]).low, 3)
        0.895
    """
    values, lows, highs = (np.array(column) for column in zip(*((r.value, r.low, r.high) for r in rates), strict=True))
    mean = float(values.mean())
    below = float(np.sqrt(((values - lows) ** 2).sum())) / len(rates)
    above = float(np.sqrt(((highs - values) ** 2).sum())) / len(rates)
    return Interval(mean, max(0.0, mean - below), min(1.0, mean + above))


def effective_size(outcomes: NDArray[Any], groups: NDArray[Any]) -> float:
    r"""How many independent items would say as much as these grouped ones.

    .. math:: n^* = n \cdot \min\left(1, \frac{s^2 / n}{v}\right) \left(\frac{z}{t_{G-1}}\right)^2, \quad
        v = \frac{G}{G - 1} \sum_g \Big(\sum_{i \in g} (x_i - \bar{x}) / n\Big)^2

    s² / n is the variance of the mean if items were independent, v its variance between G groups, and the
    ratio of quantiles pays for having estimated v from few groups (Korn and Graubard 1998, "Confidence
    intervals for proportions with small expected number of positive counts estimated from survey data").
    Outcomes that never vary cannot show how alike the items of a group are; then every group counts as one
    item.

    Args:
        outcomes: A number or truth value per item, shape ``(N,)``.
        groups: Group of each item, shape ``(N,)``.

    Returns:
        A size in [1, N]; N where every group has one item, 1 where all items are of one group.

    Example:
        >>> effective_size(np.array([1, 1, 0, 0]), np.array(["a", "b", "c", "d"]))
        4.0
    """
    count = len(outcomes)
    names, index = np.unique(groups, return_inverse=True)
    if len(names) == count:
        return float(count)
    if len(names) == 1:
        return 1.0
    residuals = outcomes - np.mean(outcomes)
    if not residuals.any():
        return float(len(names))
    independent = float(np.mean(residuals**2)) / count
    between = np.bincount(index, weights=residuals / count)
    clustered = float((between**2).sum()) * len(names) / (len(names) - 1)
    few_groups = two_sided_z(CONFIDENCE) / two_sided_t(CONFIDENCE, len(names) - 1)
    return max(1.0, count * min(1.0, independent / max(clustered, 1e-300)) * few_groups**2)


def two_sided_z(confidence: float) -> float:
    """The quantile of the standard normal distribution that a two-sided interval reaches out to."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def two_sided_t(confidence: float, freedom: int) -> float:
    """The same quantile of Student's t, by the expansion of Fisher and Cornish (1960).

    Within 1 % from 3 degrees of freedom on; below that it is too small, and nothing can be said from so few
    groups anyway.

    Example:
        >>> round(two_sided_t(0.95, 9), 2)
        2.26
    """
    z = two_sided_z(confidence)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
