"""What a regression reached on one split, and two of them side by side.

All three metrics are functions of sums over items, so their bootstrap is that of :mod:`headstart.evaluation.summed`;
but they have no upper or lower end within [0, 1].
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError
from headstart.evaluation.bootstrap import expanded_percentiles, resampled_totals, sum_groups
from headstart.evaluation.intervals import CONFIDENCE, Interval, two_sided_z
from headstart.evaluation.summed import SummedScore
from headstart.evaluation.verdict import Comparison
from headstart.metrics.regression import error_summands, mean_absolute_error, r_squared, root_mean_squared_error

#: The metric that decides: a share, and the higher the better.
LEADING = "r2"

_FORMULAS = {
    LEADING: r_squared,
    "mean_absolute_error": mean_absolute_error,
    "root_mean_squared_error": root_mean_squared_error,
}
_BOUNDS = {LEADING: (-math.inf, 1.0)}
_POWER = 0.8
#: By which power of the targets' unit each summand grows.
_POWERS = np.array([1, 2, 1, 2, 0])


def regression_score(
    targets: NDArray[Any], predictions: NDArray[Any], *, groups: NDArray[Any] | None = None, seed: int = 0
) -> SummedScore:
    """R², mean absolute error and root mean squared error with 95 % intervals.

    The intervals are percentiles of a bootstrap over items, or over whole groups, widened for few units (Hesterberg
    2015). Where all items are of one group nothing is known about others: items are resampled, and the interval holds
    within that group; the verdict warns of it.

    Args:
        targets: Measured numbers, shape ``(N,)``.
        predictions: Predicted ones, shape ``(N,)``.
        groups: Group of each item, shape ``(N,)``; ``None`` where items are independent.
        seed: Of the resampling.

    Returns:
        The score, R² first.

    Raises:
        UsageError: Both are not equally many finite numbers.
    """
    summands = error_summands(targets, predictions)
    units = _units(summands, groups)
    totals = _resampled(units, seed)
    found = {}
    for name, formula in _FORMULAS.items():
        value = float(formula(units.sum(axis=0)))
        found[name] = _interval(value, None if totals is None else formula(totals), units, _BOUNDS.get(name))
    return SummedScore(summands, found)


def compare_regressions(
    ours: SummedScore, theirs: SummedScore, *, groups: NDArray[Any] | None = None, seed: int = 0
) -> Comparison:
    """R² of a model beside that of another one, by a bootstrap that draws the same items for both.

    Args:
        ours: Of the model, from :func:`regression_score`.
        theirs: Of the other one, on the same items.
        groups: Group of each item, shape ``(N,)``.
        seed: Of the resampling.

    Returns:
        The comparison, for :func:`headstart.evaluation.verdict.verdict_on`.

    Raises:
        UsageError: Both were not judged on the same items.
    """
    columns = ours.summands.shape[1]
    if ours.summands.shape != theirs.summands.shape or not np.array_equal(ours.summands[:, 2], theirs.summands[:, 2]):
        raise UsageError("Expected scores of the same items, but their targets differ; judge both on the same items.")
    units = _units(np.hstack([ours.summands, theirs.summands]), groups)
    totals = _resampled(units, seed)
    value, other = (float(r_squared(sums)) for sums in np.split(units.sum(axis=0), 2))
    differences = None if totals is None else r_squared(totals[:, :columns]) - r_squared(totals[:, columns:])
    reach = two_sided_z(CONFIDENCE) + NormalDist().inv_cdf(_POWER)
    return Comparison(
        value,
        other,
        _interval(value - other, differences, units, None),
        1.0 if differences is None else min(1.0, reach * float(differences.std())),
        items=len(ours.summands),
        metric="R²",
    )


def _units(summands: NDArray[np.float64], groups: NDArray[Any] | None) -> NDArray[np.float64]:
    if groups is None or len(np.unique(groups)) == 1:
        return summands
    return np.asarray(sum_groups(summands, groups), np.float64)


def _resampled(units: NDArray[np.float64], seed: int) -> NDArray[np.float64] | None:
    """Column sums of every resample, in which the targets' unit is of no account; ``None`` for a single unit."""
    if len(units) == 1:
        return None
    spread = float(np.sqrt(units[:, 3].sum() / units[:, 4].sum())) or 1.0
    scale = spread ** np.tile(_POWERS, units.shape[1] // len(_POWERS))
    return resampled_totals((units / scale).astype(np.float32), seed=seed) * scale


def _interval(
    value: float,
    resamples: NDArray[np.float64] | None,
    units: NDArray[np.float64],
    bounds: tuple[float, float] | None,
) -> Interval:
    if resamples is None:
        return Interval(value, value, value)
    low, high = expanded_percentiles(resamples, units=len(units))
    least, most = bounds or (-math.inf, math.inf)
    return Interval(value, max(least, min(low, value)), min(most, max(high, value)))
