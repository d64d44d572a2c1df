"""What a model of several labels per item reached on one split."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.bootstrap import RESAMPLES, expanded_percentiles
from headstart.evaluation.intervals import Interval
from headstart.evaluation.summed import SummedScore, measured
from headstart.metrics.average_precision import mean_average_precision
from headstart.metrics.multilabel import counts_by_label, label_metrics, label_summands
from headstart.metrics.per_class import ClassCounts, f1, precision, recall
from headstart.metrics.summed import SummedMetrics

#: A label is given where its calibrated probability is at least this.
THRESHOLD = 0.5

#: Numbers that the bootstrap of mean average precision may go through in all, its fewest resamples, and how many
#: numbers are held at a time. It is no function of sums: every resample ranks all items anew.
_MOST_RANKED, _LEAST_RESAMPLES, _CHUNK = 200_000_000, 200, 4_000_000

_OF_A_LABEL = SummedMetrics(
    ("found", "predicted", "there"),
    "f1",
    {
        "f1": lambda sums: np.nan_to_num(f1(_counts(sums))),
        "precision": lambda sums: np.nan_to_num(precision(_counts(sums))),
        "recall": lambda sums: np.nan_to_num(recall(_counts(sums))),
    },
)


def multilabel_score(
    there: NDArray[Any], probabilities: NDArray[Any], *, groups: NDArray[Any] | None = None, seed: int = 0
) -> SummedScore:
    """Micro F1, subset accuracy, macro F1, Hamming accuracy and mean average precision with 95 % intervals.

    All but the last are functions of sums over items; see :mod:`headstart.evaluation.summed`. The last one has the
    percentile interval of a bootstrap over items, or over whole groups, of 2,000 resamples, and fewer, at least 200,
    where there are many items and labels.

    Args:
        there: Whether each item has each label, ``(N, C)``.
        probabilities: Of having it, ``(N, C)``.
        groups: Group of each item, ``(N,)``; ``None`` where items are independent.
        seed: Of the resampling.

    Returns:
        The score, micro F1 first.

    Raises:
        UsageError: Both are not of one shape ``(N, C)`` with N >= 1.
    """
    summands = label_summands(there, probabilities >= THRESHOLD)
    metrics = measured(summands, label_metrics(there.shape[1]), groups=groups, seed=seed)
    ranked = _ranking_interval(np.asarray(there), np.asarray(probabilities), groups, seed)
    return SummedScore(summands, {**metrics, "mean_average_precision": ranked})


def label_records(
    summands: NDArray[np.float64], labels: tuple[str, ...], *, groups: NDArray[Any] | None = None, seed: int = 0
) -> list[dict[str, Any]]:
    """Support, precision, recall and F1 of each label, as ``metrics.json`` has them of classes.

    Args:
        summands: Of :func:`headstart.metrics.multilabel.label_summands`.
        labels: Their names.
        groups: Group of each item, ``(N,)``.
        seed: Of the resampling.
    """
    records = []
    for name, counts in zip(labels, counts_by_label(summands), strict=True):
        _, predicted, there = counts.sum(axis=0)
        found = measured(counts, _OF_A_LABEL, groups=groups, seed=seed)
        records.append(
            {
                "class": name,
                "support": int(there),
                "precision": found["precision"].to_json() if predicted else None,
                "recall": found["recall"].to_json() if there else None,
                "f1": found["f1"].value if there else None,
            }
        )
    return records


def _counts(sums: NDArray[np.float64]) -> ClassCounts:
    return ClassCounts(sums[..., 0], sums[..., 2], sums[..., 1])


def _ranking_interval(
    there: NDArray[Any], probabilities: NDArray[Any], groups: NDArray[Any] | None, seed: int
) -> Interval:
    value = float(mean_average_precision(there, probabilities, np.ones((1, len(there))))[0])
    units = np.arange(len(there)) if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(units.max()) + 1
    if count == 1:
        return Interval(value, 0.0, 1.0)
    drawn = _drawn(count, units, resamples=_resamples(there.size), seed=seed)
    resamples = np.concatenate([mean_average_precision(there, probabilities, weights) for weights in drawn])
    low, high = expanded_percentiles(resamples, units=count)
    if low == high:  # what was not seen among n units may happen in up to 3 / n of all, as in evaluation/summed.py
        low, high = value - 3 / count, value + 3 / count
    return Interval(value, max(0.0, min(low, value)), min(1.0, max(high, value)))


def _resamples(size: int) -> int:
    return min(RESAMPLES, max(_LEAST_RESAMPLES, _MOST_RANKED // size))


def _drawn(count: int, units: NDArray[np.intp], *, resamples: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """How often each item counts in each resample of the units, ``(r, N)`` at a time."""
    generator, most = np.random.default_rng(seed), max(1, _CHUNK // len(units))
    for begin in range(0, resamples, most):
        rows = min(most, resamples - begin)
        yield generator.multinomial(count, np.full(count, 1 / count), size=rows)[:, units].astype(np.float64)
