"""Metrics that are functions of sums over items: entity F1, exact match, ...

Each item is reduced to a row of summands (true positives, predicted, there are, ...). A metric is then a function of
the column sums, so that its bootstrap, over items or over whole groups of them, is one matrix product, and two models
are compared on the same resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError
from headstart.evaluation.bootstrap import expanded_percentiles, resampled_totals, sum_groups
from headstart.evaluation.intervals import CONFIDENCE, Interval, rate, two_sided_z
from headstart.evaluation.verdict import Comparison, compared
from headstart.metrics.summed import SummedMetrics

#: What never happened among n units may happen in up to 3 / n of all (Hanley and Lippman-Hand 1983, "If Nothing Goes
#: Wrong, Is Everything All Right?").
_RULE_OF_THREE = 3.0
_POWER = 0.8


def measured(
    summands: NDArray[np.float64], metrics: SummedMetrics, *, groups: NDArray[Any] | None = None, seed: int = 0
) -> dict[str, Interval]:
    """Every metric with its 95 % interval.

    Shares get Wilson's interval, with groups for their effective size; the others the percentile interval of a
    bootstrap, widened for few units (Hesterberg 2015). Where no resample differs from the value, what was not seen
    among n units is allowed for with 3 / n.

    Args:
        summands: One row per item, shape ``(N, K)``.
        metrics: What is measured.
        groups: Group of each item, shape ``(N,)``; whole groups are resampled. From a single group nothing is known
            about others, and every interval is [0, 1].
        seed: Of the resampling.

    Raises:
        UsageError: The summands are not ``(N, K)`` with N >= 1.
    """
    _check(summands, metrics)
    units = _units(summands, groups)
    totals = resampled_totals(units.astype(np.float32), seed=seed) if len(units) > 1 else None
    found = {}
    for name in metrics.names:
        if name in metrics.shares:
            found[name] = rate(metrics.happened(name, summands), groups=groups)
        else:
            formula = metrics.formulas[name]
            value, resamples = float(formula(units.sum(axis=0))), None if totals is None else formula(totals)
            found[name] = _interval(value, resamples, units=len(units), bounds=(0.0, 1.0))
    return found


@dataclass(frozen=True, eq=False)
class SummedScore:
    """What a model reached on one split.

    Attributes:
        summands: One row per item, shape ``(N, K)``.
        metrics: Their metrics with intervals, the leading first.
    """

    summands: NDArray[np.float64]
    metrics: dict[str, Interval]

    def metrics_json(self) -> dict[str, dict[str, float]]:
        """The metrics as plain JSON values: ``{"entity_f1": {"value", "low", "high"}, ...}``."""
        return {name: interval.to_json() for name, interval in self.metrics.items()}

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"metrics": self.metrics_json()}


def compare(
    summands: NDArray[np.float64],
    other: NDArray[np.float64],
    metrics: SummedMetrics,
    *,
    groups: NDArray[Any] | None = None,
    seed: int = 0,
) -> Comparison:
    r"""The leading metric of a model beside that of another one on the same items.

    Shares get the interval of Bonett and Price, the others the percentiles of a bootstrap that draws the same items for
    both. Its smallest detectable difference is :math:`(z_{1 - \alpha / 2} + z_{power}) \, s` with :math:`s` the
    standard deviation of the resampled differences.

    Args:
        summands: Of the model, shape ``(N, K)``.
        other: Of the other one, shape ``(N, K)``.
        metrics: What is measured; its leading metric is compared.
        groups: Group of each item, shape ``(N,)``.
        seed: Of the resampling.

    Returns:
        The comparison, for :func:`headstart.evaluation.verdict.verdict_on`.

    Raises:
        UsageError: The summands are not of the same shape ``(N, K)``.
    """
    _check(summands, metrics)
    if summands.shape != other.shape:
        raise UsageError(
            f"Expected summands of shape {summands.shape} for both models, but got {other.shape} for the other; "
            "judge both on the same items."
        )
    name = metrics.leading
    if name in metrics.shares:
        right, other_right = metrics.happened(name, summands), metrics.happened(name, other)
        return compared(right, other_right, groups=groups, metric=in_words(name))
    formula, columns = metrics.formulas[name], len(metrics.columns)
    units = _units(np.hstack([summands, other]), groups)
    value, other_value = (float(formula(sums)) for sums in np.split(units.sum(axis=0), 2))
    resamples = None
    if len(units) > 1:
        totals = resampled_totals(units.astype(np.float32), seed=seed)
        resamples = formula(totals[:, :columns]) - formula(totals[:, columns:])
    return Comparison(
        value,
        other_value,
        _interval(value - other_value, resamples, units=len(units), bounds=(-1.0, 1.0)),
        _detectable(resamples, units=len(units)),
        items=len(summands),
        metric=in_words(name),
    )


def in_words(metric: str) -> str:
    """A metric's name as it stands in a sentence.

    Example:
        >>> in_words("entity_f1"), in_words("exact_match")
        ('entity F1', 'exact match')
    """
    return metric.replace("_", " ").replace("f1", "F1")


def _check(summands: NDArray[np.float64], metrics: SummedMetrics) -> None:
    if summands.ndim != 2 or not len(summands) or summands.shape[1] != len(metrics.columns):
        raise UsageError(
            f"Expected one row of the summands {', '.join(metrics.columns)} per item, but got shape {summands.shape}; "
            "pass at least one item."
        )


def _units(summands: NDArray[np.float64], groups: NDArray[Any] | None) -> NDArray[np.float64]:
    return summands if groups is None else np.asarray(sum_groups(summands, groups))


def _interval(
    value: float, resamples: NDArray[np.float64] | None, *, units: int, bounds: tuple[float, float]
) -> Interval:
    if resamples is None:
        return Interval(value, *bounds)
    low, high = expanded_percentiles(resamples, units=units)
    if low == high:
        low, high = value - _RULE_OF_THREE / units, value + _RULE_OF_THREE / units
    return Interval(value, max(bounds[0], min(low, value)), min(bounds[1], max(high, value)))


def _detectable(resamples: NDArray[np.float64] | None, *, units: int) -> float:
    if resamples is None:
        return 1.0
    reach = two_sided_z(CONFIDENCE) + NormalDist().inv_cdf(_POWER)
    return min(1.0, max(reach * float(resamples.std()), _RULE_OF_THREE / units))
