"""From scores to ranks, and how sure they are.

A score is computed from some examples; other examples of the same kind would have given another one, and often another
order. So every candidate is scored again on the same random *halves* of the examples, and a rank is an interval: as
many ranks as other examples might well have given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.features.folds import stratified_folds

CONFIDENCE = 0.95

#: Of every class as many are drawn before any class gets its proportional share.
LEAST_PER_CLASS = 4


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one candidate stands by one score.

    Attributes:
        value: The score on all examples.
        rank: 1 for the best; equal values share a rank.
        low: The best rank that the examples do not rule out.
        high: The worst rank that they do not rule out.
    """

    value: float
    rank: int
    low: int
    high: int

    @property
    def tied_with_best(self) -> bool:
        """Whether no candidate is shown to be better."""
        return self.low == 1

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "tied_with_best": self.tied_with_best}


def standings(
    values: NDArray[np.float64], resampled: NDArray[np.float64], *, confidence: float = CONFIDENCE
) -> list[Standing]:
    r"""Ranks with intervals: candidate *j* stands below each *k* that is shown to be better, and above each worse one.

    .. math:: \frac{s_k - s_j}{\hat\sigma_{jk}} > c_j, \qquad c_j = \text{the 95 % quantile of } \max_k
        \frac{|d^*_{jk} - \bar d^*_{jk}|}{\hat\sigma_{jk}}

    where :math:`d^*_{jk}` is the difference of both scores in one resample and :math:`\hat\sigma_{jk}` its standard
    deviation over resamples (Mogstad, Romano, Shaikh & Wilhelm 2024, "Inference for Ranks", the confidence set for one
    rank, in one step). Percentiles of resampled ranks would be too narrow just where candidates are alike (Hall &
    Miller 2009). Deviations are taken from the resamples' own mean, so that a score that is lower on fewer examples,
    as the accuracy of a probe is, may be resampled on halves.

    Args:
        values: Scores on all examples, shape ``(M,)``, higher is better.
        resampled: The same on resamples that all candidates share, shape ``(R, M)``.
        confidence: Coverage of each interval, in (0, 1).

    Returns:
        One per candidate, in their order.

    Example:
        >>> noise = np.array([[0.1, 0.0], [-0.1, 0.0], [0.1, 0.0], [-0.1, 0.0]])
        >>> [(one.rank, one.low, one.high) for one in standings(np.array([0.9, 0.2]), noise)]
        [(1, 1, 1), (2, 2, 2)]
        >>> [(one.rank, one.low, one.high) for one in standings(np.array([0.90, 0.85]), noise)]
        [(1, 1, 2), (2, 1, 2)]
    """
    deviations = resampled - resampled.mean(axis=0)
    found = []
    for place, value in enumerate(values):
        gaps = values - value
        spread = deviations - deviations[:, [place]]
        errors = spread.std(axis=0, ddof=1)
        reach = _critical_value(np.abs(spread).max(axis=0, initial=0), spread, errors, confidence) * errors
        better, worse = int((gaps > reach).sum()), int((gaps < -reach).sum())
        found.append(Standing(float(value), 1 + int((gaps > 0).sum()), 1 + better, len(values) - worse))
    return found


def _critical_value(
    largest: NDArray[np.float64], spread: NDArray[np.float64], errors: NDArray[np.float64], confidence: float
) -> float:
    """The quantile of the largest studentised deviation; an order statistic, further out where resamples are few."""
    varying = errors > 1e-12 * largest.max(initial=0)
    if not varying.any():
        return 0.0
    most = np.sort((np.abs(spread[:, varying]) / errors[varying]).max(axis=1))
    place = int(np.ceil(confidence * (len(most) + 1))) - 1
    return float(most[min(place, len(most) - 1)])


def random_halves(
    labels: NDArray[np.int64], *, count: int, groups: Sequence[str] | None = None, seed: int = 0
) -> NDArray[np.bool_]:
    r"""Random halves of the examples, each with half of every class; two in a row are complements of each other.

    Drawing half of the examples without replacement gives a mean the same variance as the bootstrap does,
    :math:`(1 - 1/2) \, s^2 / (n/2) = s^2 / n`, and no example twice, which nearest neighbours and cross-validation
    could not bear (Politis & Romano 1994, "Large sample confidence regions based on subsamples under minimal
    assumptions").

    Args:
        labels: ``(N,)``, in ``0 .. C - 1``.
        count: Number of halves R.
        groups: Group of each example; a group is in a half or not, as a whole.
        seed: Of the draws.

    Returns:
        Membership, shape ``(R, N)``.
    """
    names = np.arange(len(labels)) if groups is None else np.asarray(groups)
    _, first, unit = np.unique(names, return_index=True, return_inverse=True)
    seeds = np.random.default_rng(seed).integers(0, 2**63, size=-(-count // 2))
    halves = [stratified_folds(labels[first], count=2, seed=int(draw))[unit] == 0 for draw in seeds]
    return np.stack([member for half in halves for member in (half, ~half)])[:count]


def means_over(halves: NDArray[np.bool_], per_example: NDArray[np.floating]) -> NDArray[np.float64]:
    """The mean of a value per example ``(N,)`` over each half ``(R, N)``: shape ``(R,)``."""
    weights = halves.astype(np.float64)
    return np.asarray(weights @ per_example.astype(np.float64) / weights.sum(axis=1))


def stratified_order(labels: NDArray[np.int64], draws: Sequence[bytes]) -> NDArray[np.intp]:
    """An order of the examples in which every beginning is stratified: the first so many are a fair sample.

    First come :data:`LEAST_PER_CLASS` of every class, as far as it has them, then all classes in proportion. A smaller
    sample is part of each larger one.

    Args:
        labels: ``(N,)``.
        draws: Something random for each example; equal for equal examples, whatever else there is.

    Returns:
        ``(N,)``, places.

    Example:
        >>> [int(place) for place in stratified_order(np.array([0] * 8 + [1] * 4), [bytes([n]) for n in range(12)])]
        [0, 8, 1, 9, 2, 10, 3, 11, 4, 5, 6, 7]
    """
    sizes = np.bincount(labels)
    reached = np.zeros_like(sizes)
    keys = []
    for place in sorted(range(len(labels)), key=lambda place: draws[place]):
        label, number = labels[place], int(reached[labels[place]])
        reached[label] += 1
        early = number < LEAST_PER_CLASS
        keys.append((not early, number if early else (number + 0.5) / sizes[label], int(label), place))
    return np.array([key[-1] for key in sorted(keys)], dtype=np.intp)
