"""What is said about one model on one split: metrics with intervals, classes, confusion, reliability."""

from __future__ import annotations

from dataclasses import dataclass
from math import cbrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.bootstrap import metric_intervals
from headstart.evaluation.intervals import Interval, mean_of_rates, rate
from headstart.metrics.calibration import BINS, ReliabilityBin, reliability_bins
from headstart.metrics.confusion import confusion_matrix
from headstart.metrics.inputs import check_probabilities
from headstart.metrics.per_class import ClassCounts, f1


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How one class fared.

    Attributes:
        support: Items of the class in the split.
        precision: Share of the items predicted as it that are of it; ``None`` where it was never predicted.
        recall: Share of its items that were predicted as it; ``None`` where the split has none.
        f1: Harmonic mean of both, 0 where it was never predicted; ``None`` where the split has none of its
            items.
    """

    support: int
    precision: Interval | None
    recall: Interval | None
    f1: float | None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; what is undefined is ``null``."""
        return {
            "support": self.support,
            "precision": None if self.precision is None else self.precision.to_json(),
            "recall": None if self.recall is None else self.recall.to_json(),
            "f1": self.f1,
        }


@dataclass(frozen=True, eq=False)
class Scorecard:
    """What a model reached on one split.

    Attributes:
        metrics: Intervals under ``accuracy``, ``balanced_accuracy``, ``macro_f1``, ``log_loss``,
            ``calibration_error``.
        per_class: One entry per class, in the order of the class indices.
        confusion: Shape ``(C, C)``: the row is the label, the column the prediction.
        reliability: Bins of rising confidence.
    """

    metrics: dict[str, Interval]
    per_class: tuple[ClassScore, ...]
    confusion: NDArray[np.int64]
    reliability: tuple[ReliabilityBin, ...]

    def metrics_json(self) -> dict[str, dict[str, float]]:
        """The metrics alone as plain JSON values: ``{"accuracy": {"value", "low", "high"}, ...}``."""
        return {name: interval.to_json() for name, interval in self.metrics.items()}

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values, free of NaN."""
        return {
            "metrics": self.metrics_json(),
            "per_class": [entry.to_json() for entry in self.per_class],
            "confusion": self.confusion.tolist(),
            "reliability": [entry.to_json() for entry in self.reliability],
        }


def score(
    labels: NDArray[np.int64],
    probabilities: NDArray[Any],
    *,
    groups: NDArray[Any] | None = None,
    seed: int = 0,
) -> Scorecard:
    """Measures a model's probabilities on one split.

    A class without items in the split counts in no mean, and its recall and F1 are ``None``. Rates get
    Wilson's interval, with groups for their effective size; the other metrics get the bootstrap's. Where all
    items are right, or all wrong, resampling would call balanced accuracy and macro F1 certain: they get the
    interval of the mean of the classes' recalls.

    Args:
        labels: Class indices, shape ``(N,)``.
        probabilities: Rows that sum to one, shape ``(N, C)``.
        groups: Group of each item, shape ``(N,)``; ``None`` where items are independent.
        seed: Of the bootstrap.

    Returns:
        Metrics, per-class scores, confusion and reliability.

    Raises:
        UsageError: The arrays do not belong together.
    """
    check_probabilities(labels, probabilities)
    predictions = probabilities.argmax(axis=1)
    right = predictions == labels
    confusion = confusion_matrix(labels, predictions, classes=probabilities.shape[1])
    per_class = _class_scores(labels, predictions, confusion=confusion, groups=groups)
    bins = calibration_bins(len(labels))
    metrics = metric_intervals(labels, probabilities, bins=bins, groups=groups, seed=seed)
    if right.all() or not right.any():
        certain = mean_of_rates([entry.recall for entry in per_class if entry.recall is not None])
        metrics |= {"balanced_accuracy": certain, "macro_f1": certain}
    return Scorecard(
        metrics={"accuracy": rate(right, groups=groups), **metrics},
        per_class=per_class,
        confusion=confusion,
        reliability=reliability_bins(labels, probabilities, bins=bins),
    )


def calibration_bins(items: int) -> int:
    """Most bins for so many items: their cube root, from 2 to 15.

    Fewer items need fewer bins, or noise is taken for miscalibration (Sun, Song and Hero 2023, "Minimum-Risk
    Recalibration of Classifiers": the best number of equal-mass bins grows with the cube root).

    Example:
        >>> [calibration_bins(items) for items in (5, 44, 1000, 20000)]
        [2, 4, 10, 15]
    """
    return min(BINS, max(2, round(cbrt(items))))


def _class_scores(
    labels: NDArray[np.int64],
    predictions: NDArray[np.int64],
    *,
    confusion: NDArray[np.int64],
    groups: NDArray[Any] | None,
) -> tuple[ClassScore, ...]:
    counts = ClassCounts(confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0))
    right = predictions == labels
    return tuple(
        ClassScore(
            support=int(counts.support[index]),
            precision=_rate_within(predictions == index, right, groups),
            recall=_rate_within(labels == index, right, groups),
            f1=None if np.isnan(value) else float(value),
        )
        for index, value in enumerate(f1(counts))
    )


def _rate_within(inside: NDArray[np.bool_], right: NDArray[np.bool_], groups: NDArray[Any] | None) -> Interval | None:
    if not inside.any():
        return None
    return rate(right[inside], groups=None if groups is None else groups[inside])
