"""Intervals for metrics without a closed form: resample the test split, or whole groups of it, 2,000 times.

Every metric here is a function of a few sums over items (hits per class, summed log loss, ...). So the split
is reduced to a table of those summands, a resample is a row of integer weights, and all resamples of all
metrics come from one matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.intervals import CONFIDENCE, Interval, two_sided_t
from headstart.metrics.calibration import bin_indices, confidence_and_correctness
from headstart.metrics.log_loss import SMALLEST_PROBABILITY, item_log_losses
from headstart.metrics.per_class import ClassCounts, f1, mean_over_classes, recall

RESAMPLES = 2000

#: Weights held at a time; bounds the memory at about 100 MB.
_CHUNK = 4_000_000


def metric_intervals(
    labels: NDArray[np.int64],
    probabilities: NDArray[Any],
    *,
    bins: int,
    groups: NDArray[Any] | None = None,
    seed: int = 0,
) -> dict[str, Interval]:
    """Balanced accuracy, macro F1, log loss and calibration error with bootstrap intervals.

    Balanced accuracy, macro F1 and log loss get the percentile interval, widened for few units (Hesterberg
    2015, "What Teachers Should Know About the Bootstrap"); in a resample that lacks a class, the mean is over
    the others.

    The calibration error is biased upwards, and its resamples are biased once more, so that their percentiles
    hardly ever cover the true value. Its lower end is that of the basic interval, twice the value less the
    upper percentile, which takes the bias out (Davison and Hinkley 1997, "Bootstrap Methods and their
    Application", 5.2), or 0 where a calibrated model could well show as much (Broecker and Smith 2007,
    "Increasing the Reliability of Reliability Diagrams"). Its upper end is the larger of both kinds. In
    simulations this covered 94 % or more; the basic interval alone fell to 86 %. Bins stay those of the split.

    Args:
        labels: Class indices, shape ``(N,)``.
        probabilities: Rows that sum to one, shape ``(N, C)``.
        bins: Most bins of the calibration error.
        groups: Group of each item, shape ``(N,)``; whole groups are resampled. With a single group nothing is
            known about others, and every interval is the metric's whole range.
        seed: Of the resampling.

    Returns:
        Intervals under ``balanced_accuracy``, ``macro_f1``, ``log_loss`` and ``calibration_error``.

    Raises:
        UsageError: The arrays do not belong together.
    """
    summands = _summands(labels, probabilities, bins=bins)
    units = summands if groups is None else sum_groups(summands, groups)
    measured = _metrics(units.sum(axis=0, dtype=np.float64)[None], classes=probabilities.shape[1])
    if len(units) == 1:
        return {name: Interval(float(value[0]), *_whole_range(name)) for name, value in measured.items()}
    resampled = _metrics(resampled_totals(units, seed=seed), classes=probabilities.shape[1])
    intervals = {}
    for name, values in resampled.items():
        low, high = expanded_percentiles(values, units=len(units))
        value = float(measured[name][0])
        intervals[name] = Interval(value, min(low, value), max(high, value))
    intervals["calibration_error"] = _without_bias(
        intervals["calibration_error"],
        calibrated=_error_if_calibrated(labels, probabilities, bins=bins, seed=seed),
    )
    return intervals


def resampled_totals(units: NDArray[np.float32], *, seed: int = 0, resamples: int = RESAMPLES) -> NDArray[np.float64]:
    """Column sums of ``resamples`` draws with replacement of as many rows as there are.

    Args:
        units: One row of summands per item or group, shape ``(U, K)``.
        seed: Of the draws.
        resamples: Number of draws R.

    Returns:
        Sums of shape ``(R, K)``.
    """
    weights = _weights(len(units), generator=np.random.default_rng(seed), resamples=resamples)
    return np.concatenate([chunk @ units for chunk in weights]).astype(np.float64)


def expanded_percentiles(
    values: NDArray[np.float64], *, units: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    r"""Percentiles of resampled values, further out than 2.5 % and 97.5 % where there are few units.

    .. math:: \alpha' / 2 = \Phi\left(-\sqrt{U / (U - 1)} \; t_{1 - \alpha / 2, U - 1}\right)

    Args:
        values: Shape ``(R,)``.
        units: Number of items or groups U that were resampled, at least 2.
        confidence: Coverage in (0, 1).

    Returns:
        The lower and the upper percentile.
    """
    reach = (units / (units - 1)) ** 0.5 * two_sided_t(confidence, units - 1)
    tail = NormalDist().cdf(-reach)
    low, high = np.quantile(values, [tail, 1 - tail])
    return float(low), float(high)


def sum_groups(summands: NDArray[Any], groups: NDArray[Any]) -> NDArray[Any]:
    """The sums of each group's rows.

    Args:
        summands: Shape ``(N, K)``.
        groups: Group of each row, shape ``(N,)``.

    Returns:
        Shape ``(G, K)``, in the order of the groups' sorted names.

    Example:
        >>> sum_groups(np.array([[1, 0], [2, 1], [3, 1]]), np.array(["b", "a", "b"])).tolist()
        [[2, 1], [4, 1]]
    """
    _, index, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    ordered = summands[np.argsort(index, kind="stable")]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return np.add.reduceat(ordered, starts, axis=0)


def _summands(labels: NDArray[np.int64], probabilities: NDArray[Any], *, bins: int) -> NDArray[np.float32]:
    """Per item: hit, label, prediction (each one-hot), 1, log loss, and the gap in the column of its bin."""
    count, classes = probabilities.shape
    confidence, right = confidence_and_correctness(labels, probabilities)
    index = bin_indices(confidence, bins=bins)
    table = np.zeros((count, 3 * classes + 2 + int(index.max()) + 1), dtype=np.float32)
    rows = np.arange(count)
    table[rows, labels] = right
    table[rows, classes + labels] = 1
    table[rows, 2 * classes + probabilities.argmax(axis=1)] = 1
    table[:, 3 * classes] = 1
    table[:, 3 * classes + 1] = item_log_losses(labels, probabilities)
    table[rows, 3 * classes + 2 + index] = right - confidence
    return table


def _metrics(totals: NDArray[np.float64], *, classes: int) -> dict[str, NDArray[np.float64]]:
    """The metrics of every row of sums, each of shape ``(R,)``."""
    hits, support, predicted, rest = np.split(totals, [classes, 2 * classes, 3 * classes], axis=1)
    counts = ClassCounts(hits, support, predicted)
    items = rest[:, 0]
    return {
        "balanced_accuracy": mean_over_classes(recall(counts)),
        "macro_f1": mean_over_classes(f1(counts)),
        "log_loss": rest[:, 1] / items,
        "calibration_error": np.abs(rest[:, 2:]).sum(axis=1) / items,
    }


def _weights(units: int, *, generator: np.random.Generator, resamples: int) -> Iterator[NDArray[np.float32]]:
    """How often each unit is drawn, in chunks of shape ``(r, U)`` that add up to ``resamples`` rows."""
    most = max(1, _CHUNK // units)
    for start in range(0, resamples, most):
        rows = min(most, resamples - start)
        drawn = generator.integers(0, units, size=(rows, units))
        drawn += np.arange(rows)[:, None] * units
        counts = np.bincount(drawn.ravel(), minlength=rows * units)
        yield counts.reshape(rows, units).astype(np.float32)


def _without_bias(percentiles: Interval, *, calibrated: float) -> Interval:
    """The calibration error's interval, made from its percentiles."""
    value = percentiles.value
    low = 0.0 if value <= calibrated else max(0.0, 2 * value - percentiles.high)
    return Interval(value, low, min(1.0, max(2 * value - percentiles.low, percentiles.high)))


def _error_if_calibrated(labels: NDArray[np.int64], probabilities: NDArray[Any], *, bins: int, seed: int) -> float:
    """The 97.5th percentile of the calibration error of a model that is right as often as it says."""
    confidence, _ = confidence_and_correctness(labels, probabilities)
    variances = np.bincount(bin_indices(confidence, bins=bins), weights=confidence * (1 - confidence))
    gaps = np.random.default_rng(seed).normal(size=(RESAMPLES, len(variances))) * np.sqrt(variances.clip(0))
    return float(np.quantile(np.abs(gaps).sum(axis=1) / len(labels), 0.975))


def _whole_range(name: str) -> tuple[float, float]:
    return (0.0, float(-np.log(SMALLEST_PROBABILITY)) if name == "log_loss" else 1.0)
