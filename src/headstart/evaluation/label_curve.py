"""What more labels would buy: accuracy against the number of labelled examples per class.

On cached features a classifier costs milliseconds, so the curve is measured and not guessed: for each number of
examples per class several random subsets of the training data are drawn, and all of these small problems are solved in
one batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.intervals import Interval, wilson
from headstart.features.principal_axes import PrincipalAxes, rotated
from headstart.features.rows import Rows, SelectableRows
from headstart.features.solver import solve

_SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
_DRAWS = 3
_MOST_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One number of labels.

    Attributes:
        per_class: Labelled examples per class; a class that has fewer contributes all it has.
        labels: Labelled examples in all.
        accuracy: Mean over the draws, with an interval that covers both the draw and the finite test split; test items
            count as independent, also where they have groups.
    """

    per_class: int
    labels: int
    accuracy: Interval

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"per_class": self.per_class, "labels": self.labels, "accuracy": self.accuracy.to_json()}


def label_curve(
    features: SelectableRows,
    labels: NDArray[np.int64],
    *,
    test_features: Rows,
    test_labels: NDArray[np.int64],
    classes: int,
    strength: float,
    axes: PrincipalAxes,
    seed: int = 0,
) -> list[CurvePoint]:
    """Test accuracy of probes on 1, 2, 5, 10, ... training examples per class.

    The strength is a prior precision, so the one chosen on all training data holds for parts of it. Nothing is chosen
    by this curve.

    Args:
        features: ``(N, D)`` training rows.
        labels: ``(N,)``.
        test_features: ``(M, D)``.
        test_labels: ``(M,)``.
        classes: C.
        strength: The probe's strength.
        axes: The principal axes of ``features``.
        seed: For the draws.

    Returns:
        A point per size below the largest class, the last with all training examples; of more than 10,000, as many per
        class as together make 10,000. Empty where no class has two.
    """
    largest = int(np.bincount(labels, minlength=classes).max())
    if len(labels) > _MOST_ROWS:
        largest = max(1, _MOST_ROWS // classes)
        part = np.flatnonzero(_draws(labels, largest, seed)[0])
        features, labels = features.select(part), labels[part]
    if largest < 2:
        return []
    sizes = [size for size in _SIZES if size < largest]
    members = np.concatenate([*(_draws(labels, size, seed) for size in sizes), np.ones((1, len(labels)), bool)])
    solution = solve(
        rotated(features, axes),
        labels,
        classes=classes,
        strengths=np.full(len(members), strength),
        members=members,
        variances=axes.variances,
        tolerance=1e-2,
    )
    coordinates = np.asarray(rotated(test_features, axes).array)
    accuracies = np.array(
        [
            ((coordinates @ weights + bias).argmax(axis=1) == test_labels).mean()
            for weights, bias in zip(solution.coefficients, solution.bias, strict=True)
        ]
    )
    ends = [*range(0, len(sizes) * _DRAWS, _DRAWS), len(members) - 1, len(members)]
    return [
        CurvePoint(size, int(members[begin].sum()), _interval(accuracies[begin:end], len(test_labels)))
        for size, begin, end in zip([*sizes, largest], ends[:-1], ends[1:], strict=True)
    ]


def _draws(labels: NDArray[np.int64], per_class: int, seed: int) -> NDArray[np.bool_]:
    """Random subsets ``(draws, N)`` with at most ``per_class`` examples of each class."""
    generator = np.random.default_rng([seed, per_class])
    members = np.zeros((_DRAWS, len(labels)), dtype=np.bool_)
    for draw in range(_DRAWS):
        order = generator.permutation(len(labels))
        order = order[np.argsort(labels[order], kind="stable")]
        starts = np.searchsorted(labels[order], labels[order])
        members[draw, order[np.arange(len(order)) - starts < per_class]] = True
    return members


def _interval(accuracies: NDArray[np.float64], tests: int) -> Interval:
    """Wilson's interval at the sample size whose variance is that of the test split and of the draws together."""
    mean = float(accuracies.mean())
    variance = mean * (1 - mean)
    between = float(accuracies.var(ddof=1)) / len(accuracies) if len(accuracies) > 1 else 0.0
    effective = variance / (variance / tests + between) if variance > 0 else float(tests)
    return wilson(mean * effective, effective)
