"""The linear probe for several labels per item: one logistic regression for each label, on the same features.

How strongly all of them are held back, and how confident they may be, is decided on out-of-fold logits, as for the
probe of :mod:`headstart.transfer.probe`: the strength with the smallest out-of-fold log loss, after the one temperature
that suits it best, is used for the last fit on all training examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.features.binary_solver import solve_binary
from headstart.features.folds import grouped_folds, stratified_folds
from headstart.features.principal_axes import MOST_EXACT_AXES, PrincipalAxes, principal_axes, rotated
from headstart.features.rows import ArrayRows, SelectableRows
from headstart.metrics.multilabel import suited_temperature
from headstart.transfer.heads import LinearHead
from headstart.transfer.probe import FOLDS, MOST_ROWS_FOR_CHOICE, search_strengths

_CHOICE_TOLERANCE, _FINAL_TOLERANCE = 1e-2, 1e-4


@dataclass(frozen=True, slots=True)
class LabelStrengthTried:
    """What one strength reached out of fold: its log loss per label, at its own best temperature."""

    strength: float
    log_loss: float
    temperature: float


@dataclass(frozen=True, eq=False)
class MultilabelProbe:
    """A fitted probe and the evidence behind its two settings.

    Attributes:
        head: Weights ``(C, D)``, bias and temperature; a sigmoid of its outputs gives probabilities.
        strength: The chosen prior precision.
        tried: What every strength reached out of fold, weakest first.
        converged: Whether the last fit reached its tolerance for every label.
    """

    head: LinearHead
    strength: float
    tried: tuple[LabelStrengthTried, ...]
    converged: bool


def fit_multilabel_probe(
    features: SelectableRows,
    targets: NDArray[Any],
    *,
    strata: NDArray[np.int64],
    groups: Sequence[str] | None = None,
    seed: int = 0,
    most_axes: int = MOST_EXACT_AXES,
) -> MultilabelProbe:
    """Fits the regressions of all labels; strengths, folds and labels are solved in one go.

    Args:
        features: ``(N, D)`` training rows.
        targets: ``(N, C)``, 1 where an example has a label, else 0.
        strata: ``(N,)``, which folds are to have alike shares of.
        groups: Group per row; a group is never divided between folds.
        seed: For the folds.
        most_axes: Only so many leading principal axes of the features are used.

    Returns:
        The probe.
    """
    axes = principal_axes(features, most=most_axes, seed=seed)
    coordinates = rotated(features, axes)
    chosen = np.arange(len(targets))
    if len(targets) > MOST_ROWS_FOR_CHOICE:
        share = -(-len(targets) // MOST_ROWS_FOR_CHOICE)
        chosen = np.flatnonzero(stratified_folds(strata, count=share, seed=seed) == 0)
    folds = (
        stratified_folds(strata[chosen], count=FOLDS, seed=seed)
        if groups is None
        else grouped_folds(strata[chosen], [groups[int(row)] for row in chosen], count=FOLDS, seed=seed)
    )
    sample, sample_targets = coordinates.select(chosen), targets[chosen]
    tried = search_strengths(lambda strengths: _try_strengths(strengths, sample, sample_targets, folds, axes))
    best = min(tried, key=lambda row: row.log_loss)
    solution = solve_binary(
        coordinates,
        targets,
        strengths=np.array([best.strength]),
        members=np.ones((1, len(targets)), dtype=np.bool_),
        variances=axes.variances,
        tolerance=_FINAL_TOLERANCE,
    )
    weight, bias = axes.to_features(solution.coefficients[0], solution.bias[0])
    head = LinearHead(np.ascontiguousarray(weight.T), bias, best.temperature)
    return MultilabelProbe(head, best.strength, tuple(tried), bool(solution.converged[0]))


def _try_strengths(
    strengths: Sequence[float],
    coordinates: ArrayRows,
    targets: NDArray[Any],
    folds: NDArray[np.int64],
    axes: PrincipalAxes,
) -> list[LabelStrengthTried]:
    """Out-of-fold log loss of each strength: one problem per strength and fold, all solved at once."""
    used = np.unique(folds)
    solution = solve_binary(
        coordinates,
        targets,
        strengths=np.repeat(strengths, len(used)),
        members=np.tile(folds != used[:, None], (len(strengths), 1)),
        variances=axes.variances,
        tolerance=_CHOICE_TOLERANCE,
    )
    tried = []
    logits = np.empty(targets.shape, dtype=np.float32)
    for number, strength in enumerate(strengths):
        for problem, fold in enumerate(used, start=number * len(used)):
            held_out = folds == fold
            rows = np.asarray(coordinates.array[held_out], dtype=np.float32)
            logits[held_out] = rows @ solution.coefficients[problem] + solution.bias[problem]
        temperature, loss = suited_temperature(logits, targets)
        tried.append(LabelStrengthTried(strength, loss, temperature))
    return tried
