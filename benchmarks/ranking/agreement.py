"""How well scores agree with what was measured: weighted Kendall tau and regret, with intervals over data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import weightedtau

_DRAWS = 10_000

#: A mean over data sets, and the ends of its interval.
Interval = tuple[float, float, float]


@dataclass(frozen=True)
class Agreement:
    """A score's agreement with measured accuracy.

    Attributes:
        tau: Weighted Kendall tau per data set.
        regret: Accuracy lost by taking the first in the score's order, per data set.
        tau_mean: Mean, and 95 % interval of a bootstrap over data sets.
        regret_mean: The same of the regret.
        tau_over: The same of the difference of tau to the score that is compared with, paired by data set.
    """

    tau: dict[str, float]
    regret: dict[str, float]
    tau_mean: Interval
    regret_mean: Interval
    tau_over: Interval

    @property
    def tau_text(self) -> str:
        """Mean and interval of tau."""
        return "{:.2f} ({:.2f} to {:.2f})".format(*self.tau_mean)

    @property
    def regret_text(self) -> str:
        """Mean and interval of the regret, in percentage points."""
        return "{:.1f} ({:.1f} to {:.1f})".format(*(100 * value for value in self.regret_mean))

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def agreements(
    data: Sequence[str], scores: Mapping[str, NDArray[np.float64]], *, measured: NDArray[np.float64], against: str
) -> dict[str, Agreement]:
    """The agreement of every score with what was measured.

    Args:
        data: The data set of each of N candidates.
        scores: Values of each score, ``(N,)``.
        measured: ``(N,)``.
        against: The score whose tau the others' are compared with.
    """
    places = {name: np.flatnonzero(np.array(data) == name) for name in dict.fromkeys(data)}
    found = {
        score: {name: _compared(values[rows], measured[rows]) for name, rows in places.items()}
        for score, values in scores.items()
    }
    draws = np.random.default_rng(0).integers(0, len(places), (_DRAWS, len(places)))
    reference = np.array([tau for tau, _ in found[against].values()])
    return {score: _agreement(of_score, reference, draws) for score, of_score in found.items()}


def _compared(values: NDArray[np.float64], measured: NDArray[np.float64]) -> tuple[float, float]:
    """Weighted tau, 0 where all values are equal, and regret, shared where several candidates are first."""
    tau = float(weightedtau(values, measured).statistic)
    first = values == values.max()
    return (0.0 if np.isnan(tau) else tau), float(measured.max() - measured[first].mean())


def _agreement(
    found: Mapping[str, tuple[float, float]], reference: NDArray[np.float64], draws: NDArray[np.int64]
) -> Agreement:
    taus, regrets = (np.array(column) for column in zip(*found.values(), strict=True))
    return Agreement(
        tau={name: tau for name, (tau, _) in found.items()},
        regret={name: regret for name, (_, regret) in found.items()},
        tau_mean=_interval(taus, draws),
        regret_mean=_interval(regrets, draws),
        tau_over=_interval(taus - reference, draws),
    )


def _interval(values: NDArray[np.float64], draws: NDArray[np.int64]) -> Interval:
    means = values[draws].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(values.mean()), float(low), float(high)
