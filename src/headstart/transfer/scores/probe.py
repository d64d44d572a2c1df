"""Probe: the accuracy that a linear probe reaches on examples it has not seen, by 5-fold cross-validation.

Multinomial logistic regressions of a few strengths in the principal axes, all folds and strengths solved in one go
(:mod:`headstart.features.solver`); the strength with the smallest out-of-fold log loss counts. The axes are those of
all examples: they know no label.

Alain, Bengio, "Understanding intermediate layers using linear classifier probes", 2017; cross-validated linear probes
to choose among backbones: Renggli et al., "Which Model to Transfer? Finding the Needle in the Growing Haystack", CVPR
2022. Unlike :func:`headstart.transfer.probe.fit_probe`, which looks for the best strength among all, this one is quick.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.features.folds import stratified_folds
from headstart.features.principal_axes import PrincipalAxes, principal_axes, rotated
from headstart.features.rows import ArrayRows, Float32
from headstart.features.solver import solve
from headstart.metrics.temperature import best_temperature
from headstart.transfer.scores.contract import Evidence, Score

FOLDS = 5
STRENGTHS = (1e1, 1e2, 1e3, 1e4)
_TOLERANCE = 2e-2


def told_right(evidence: Evidence) -> NDArray[np.float64]:
    """1 for each example whose label the probe gives without having seen it, else 0; ``(N,)``."""
    logits = out_of_fold_logits(evidence)
    losses = [best_temperature(of_strength, evidence.labels)[1] for of_strength in logits]
    right = logits[int(np.argmin(losses))].argmax(axis=1) == evidence.labels
    return np.asarray(right, dtype=np.float64)


def probe(evidence: Evidence) -> float:
    """Out-of-fold accuracy, in 0 .. 1."""
    return float(told_right(evidence).mean())


def out_of_fold_logits(evidence: Evidence) -> Float32:
    """What the probes of the other folds say of each example, ``(strengths, N, C)``."""
    rows = ArrayRows(evidence.features)
    axes = principal_axes(rows)
    coordinates = rotated(rows, axes)
    folds = stratified_folds(evidence.labels, count=min(FOLDS, len(evidence.labels)), seed=0)
    logits = np.empty((len(STRENGTHS), len(evidence.labels), evidence.classes), dtype=np.float32)
    coefficients, bias = _solutions(coordinates, evidence, folds, axes)
    for fold in range(coefficients.shape[1]):
        held_out = folds == fold
        unseen = np.asarray(coordinates.array[held_out], dtype=np.float32)
        logits[:, held_out] = unseen @ coefficients[:, fold] + bias[:, fold, None]
    return logits


def _solutions(
    coordinates: ArrayRows, evidence: Evidence, folds: NDArray[np.int64], axes: PrincipalAxes
) -> tuple[Float32, Float32]:
    """Coefficients ``(strengths, folds, R, C)`` and bias ``(strengths, folds, C)`` of the probe without each fold."""
    count = int(folds.max()) + 1
    solution = solve(
        coordinates,
        evidence.labels,
        classes=evidence.classes,
        strengths=np.repeat(STRENGTHS, count),
        members=np.tile(folds != np.arange(count)[:, None], (len(STRENGTHS), 1)),
        variances=axes.variances,
        tolerance=_TOLERANCE,
    )
    by_strength = (len(STRENGTHS), count)
    coefficients = solution.coefficients.reshape(*by_strength, *solution.coefficients.shape[1:])
    return coefficients, solution.bias.reshape(*by_strength, -1)


PROBE = Score(
    "probe", "linear probe", "Renggli et al., CVPR 2022", needs_source_head=False, compute=probe, per_example=told_right
)
