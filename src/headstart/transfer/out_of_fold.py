"""Which items a linear probe tells right that it has not seen: what backbones are ranked by, and stages judged by.

All strengths and folds of a probe are solved in one go. The folds are given, so that no group of items is divided, and
a probe may be trained on fewer of them, which shows what the last labels were worth. The principal axes are those of
all items: they know no label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.features.folds import grouped_folds, stratified_folds
from headstart.features.principal_axes import MOST_EXACT_AXES, principal_axes, rotated
from headstart.features.rows import Rows
from headstart.features.solver import solve
from headstart.metrics.temperature import best_temperature

#: Five folds: four of them are twice as many labels as two.
FOLDS = 5
STRENGTHS = (1e0, 1e1, 1e2, 1e3, 1e4)
_TOLERANCE = 2e-2


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """What probes made of items that they had not seen.

    Attributes:
        right: Whether each item was told right, ``(N,)``.
        strength: The prior precision of the probe, the best by out-of-fold log loss.
    """

    right: NDArray[np.bool_]
    strength: float


def folds_of(labels: NDArray[np.int64], groups: Sequence[str] | None, *, seed: int) -> NDArray[np.int64]:
    """The fold of each item, ``(N,)``, counted from 0 without a gap; a group is never divided.

    Args:
        labels: ``(N,)``.
        groups: The group of each item; ``None`` where items are independent.
        seed: For the order.
    """
    dealt = (
        stratified_folds(labels, count=min(FOLDS, len(labels)), seed=seed)
        if groups is None
        else grouped_folds(labels, groups, count=FOLDS, seed=seed)
    )
    return np.unique(dealt, return_inverse=True)[1].astype(np.int64)


def probe_out_of_fold(
    features: Rows,
    labels: NDArray[np.int64],
    *,
    classes: int,
    folds: NDArray[np.int64],
    strengths: Sequence[float] = STRENGTHS,
    train_on: int | None = None,
    most_axes: int = MOST_EXACT_AXES,
) -> OutOfFold:
    """Judges each item by a probe that was trained on other folds.

    Args:
        features: ``(N, D)``.
        labels: ``(N,)``, in ``0 .. classes - 1``.
        classes: C, at least 2.
        folds: ``(N,)``, from :func:`folds_of`, at least two.
        strengths: Prior precisions to choose among.
        train_on: Folds that each probe learns from; ``None`` for all but the one that it is judged on.
        most_axes: Only so many leading principal axes of the features are used.

    Returns:
        What the probes of the best strength told right.
    """
    count = int(folds.max()) + 1
    axes = principal_axes(features, most=most_axes)
    coordinates = rotated(features, axes)
    solution = solve(
        coordinates,
        labels,
        classes=classes,
        strengths=np.repeat(strengths, count),
        members=np.tile(_members(folds, count, train_on or count - 1), (len(strengths), 1)),
        variances=axes.variances,
        tolerance=_TOLERANCE,
    )
    logits = np.empty((len(strengths), len(labels), classes), dtype=np.float32)
    for problem, (weights, bias) in enumerate(zip(solution.coefficients, solution.bias, strict=True)):
        held_out = folds == problem % count
        logits[problem // count, held_out] = np.asarray(coordinates.array[held_out], np.float32) @ weights + bias
    best = int(np.argmin([best_temperature(of_strength, labels)[1] for of_strength in logits]))
    return OutOfFold(logits[best].argmax(axis=1) == labels, float(strengths[best]))


def _members(folds: NDArray[np.int64], count: int, train_on: int) -> NDArray[np.bool_]:
    """Which items the probe of each fold learns from, ``(count, N)``: those of the ``train_on`` folds that follow."""
    after = (folds - np.arange(count)[:, None]) % count
    members: NDArray[np.bool_] = (after > 0) & (after <= train_on)
    return members
