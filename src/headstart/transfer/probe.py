"""The linear probe: a multinomial logistic regression on frozen features (Alain & Bengio 2017; Kornblith et al. 2019).

How strongly the weights are held back, and how confident the probabilities may be, is decided on *out-of-fold* logits:
each training example is judged by a classifier that has not seen it. The strength with the smallest out-of-fold log
loss, after the temperature that suits it best (Guo et al. 2017), is used for one last fit on all training examples.
Validation and test data have no part in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from headstart.features.folds import grouped_folds, stratified_folds
from headstart.features.principal_axes import MOST_EXACT_AXES, PrincipalAxes, principal_axes, rotated
from headstart.features.rows import ArrayRows, SelectableRows
from headstart.features.solver import solve
from headstart.metrics.temperature import best_temperature
from headstart.transfer.heads import LinearHead

#: Prior precisions to try first, strongest last; how many powers of ten further where the best is at an end.
STRENGTHS = (1e1, 1e2, 1e3, 1e4, 1e5)
FURTHER = 4
FOLDS = 5
#: The strength is chosen on at most so many examples; it is a prior, so the choice holds for more.
MOST_ROWS_FOR_CHOICE = 20_000
#: Choosing needs no more: on 2,550 CIFAR photos the losses near the best strength move by 0.002 from here to 2e-3.
_CHOICE_TOLERANCE = 1e-2
_FINAL_TOLERANCE = 1e-4


class Tried(Protocol):
    """What one strength reached out of fold."""

    @property
    def strength(self) -> float:
        """The prior precision."""

    @property
    def log_loss(self) -> float:
        """At its own best temperature."""


_Tried = TypeVar("_Tried", bound=Tried)


@dataclass(frozen=True, slots=True)
class StrengthTried:
    """What one strength reached out of fold: its log loss at its own best temperature, and its accuracy."""

    strength: float
    log_loss: float
    accuracy: float
    temperature: float


@dataclass(frozen=True)
class Probe:
    """A fitted probe and the evidence behind its two settings.

    Attributes:
        head: The classifier.
        strength: The chosen prior precision.
        tried: What every strength reached out of fold, weakest first.
        axes: The principal axes it was solved in; others who solve on the same features need not find them again.
        converged: Whether the last fit reached its tolerance.
    """

    head: LinearHead
    strength: float
    tried: tuple[StrengthTried, ...]
    axes: PrincipalAxes
    converged: bool


def fit_probe(
    features: SelectableRows,
    labels: NDArray[np.int64],
    *,
    classes: int,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    most_axes: int = MOST_EXACT_AXES,
) -> Probe:
    """Fits a linear probe; all strengths and folds are solved in one go.

    Args:
        features: ``(N, D)`` training rows.
        labels: ``(N,)``, in ``0 .. classes - 1``.
        classes: C, at least 2.
        groups: Group per row; a group is never divided between folds.
        seed: For the folds.
        most_axes: Only so many leading principal axes of the features are used.

    Returns:
        The probe.
    """
    chosen = _rows_for_choice(labels, seed)
    sample = features.select(chosen) if len(chosen) < len(labels) else features
    axes = principal_axes(sample, most=most_axes, seed=seed)
    coordinates = rotated(sample, axes)
    sample_labels = labels[chosen]
    folds = (
        stratified_folds(sample_labels, count=FOLDS, seed=seed)
        if groups is None
        else grouped_folds(sample_labels, [groups[row] for row in chosen], count=FOLDS, seed=seed)
    )
    tried = search_strengths(
        lambda strengths: _try_strengths(strengths, coordinates, sample_labels, classes, folds, axes)
    )
    best = min(tried, key=lambda row: row.log_loss)
    if sample is not features:
        del coordinates  # before there are more of them
        coordinates = rotated(features, axes)
    solution = solve(
        coordinates,
        labels,
        classes=classes,
        strengths=np.array([best.strength]),
        members=np.ones((1, len(labels)), dtype=np.bool_),
        variances=axes.variances,
        tolerance=_FINAL_TOLERANCE,
    )
    weight, bias = axes.to_features(solution.coefficients[0], solution.bias[0])
    head = LinearHead(np.ascontiguousarray(weight.T, np.float32), bias.astype(np.float32), best.temperature)
    return Probe(head, best.strength, tuple(tried), axes, bool(solution.converged[0]))


def search_strengths(try_all: Callable[[Sequence[float]], list[_Tried]]) -> list[_Tried]:
    """Tries powers of ten, further ones beyond an end if the best lies there, and then the halves beside the best.

    Args:
        try_all: Strengths to what each of them reached out of fold.

    Returns:
        All that were tried, weakest first.
    """

    def try_further(strengths: Sequence[float]) -> float:
        tried.extend(try_all(strengths))
        return min(tried, key=lambda row: row.log_loss).strength

    tried: list[_Tried] = []
    best = try_further(STRENGTHS)
    if best in {STRENGTHS[0], STRENGTHS[-1]}:
        factor = 10.0 if best == STRENGTHS[-1] else 0.1
        best = try_further([best * factor**step for step in range(1, FURTHER + 1)])
    try_further([best / 10**0.5, best * 10**0.5])
    return sorted(tried, key=lambda row: row.strength)


def _try_strengths(
    strengths: Sequence[float],
    coordinates: ArrayRows,
    labels: NDArray[np.int64],
    classes: int,
    folds: NDArray[np.int64],
    axes: PrincipalAxes,
) -> list[StrengthTried]:
    """Out-of-fold log loss of each strength: one problem per strength and fold, all solved at once."""
    used = np.unique(folds)
    solution = solve(
        coordinates,
        labels,
        classes=classes,
        strengths=np.repeat(strengths, len(used)),
        members=np.tile(folds != used[:, None], (len(strengths), 1)),
        variances=axes.variances,
        tolerance=_CHOICE_TOLERANCE,
    )
    tried = []
    logits = np.empty((len(labels), classes), dtype=np.float32)
    for number, strength in enumerate(strengths):
        for problem, fold in enumerate(used, start=number * len(used)):
            held_out = folds == fold
            rows = np.asarray(coordinates.array[held_out], dtype=np.float32)
            logits[held_out] = rows @ solution.coefficients[problem] + solution.bias[problem]
        tried.append(_tried(strength, logits, labels))
    return tried


def _tried(strength: float, logits: NDArray[np.float32], labels: NDArray[np.int64]) -> StrengthTried:
    """What out-of-fold logits ``(N, C)`` of one strength come to."""
    temperature, loss = best_temperature(logits, labels)
    accuracy = float((logits.argmax(axis=1) == labels).mean())
    return StrengthTried(strength, loss, accuracy, temperature)


def _rows_for_choice(labels: NDArray[np.int64], seed: int) -> NDArray[np.intp]:
    if len(labels) <= MOST_ROWS_FOR_CHOICE:
        return np.arange(len(labels))
    share = -(-len(labels) // MOST_ROWS_FOR_CHOICE)
    return np.flatnonzero(stratified_folds(labels, count=share, seed=seed) == 0)
