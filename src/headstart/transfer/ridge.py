r"""Ridge regression on frozen features (Hoerl & Kennard 1970), for several targets and all strengths at once.

.. math:: \min_{W, b} \; \sum_n \lVert y_n - W x_n - b \rVert^2 + \alpha \lVert W \rVert^2

The rows are expressed in their principal axes, scaled to a mean square of 1 per feature; the bias is not penalised. All
that a solution needs are sums over rows: of the rows, of their products with each other and with the targets. The sums
of a fold's complement are those of all rows less its own, and one eigendecomposition of them gives the solutions of all
strengths. So each training example is judged by a regression that has not seen it, and the strength with the smallest
out-of-fold squared error is used for the last fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.features.folds import grouped_folds, stratified_folds
from headstart.features.principal_axes import MOST_EXACT_AXES, principal_axes, rotated
from headstart.features.rows import CHUNK_BYTES, ArrayRows, SelectableRows

#: Every strength that is tried; each costs one matrix product.
STRENGTHS = tuple(float(strength) for strength in 10.0 ** np.arange(-2, 7.5, 0.5))
FOLDS = 5


@dataclass(frozen=True, slots=True)
class RidgeTried:
    """What one strength reached out of fold: its mean squared error per target."""

    strength: float
    squared_error: float


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fitted ridge regression.

    Attributes:
        weight: ``(K, D)``, as torch keeps it.
        bias: ``(K,)``.
        strength: The chosen strength.
        tried: What every strength reached out of fold, weakest first.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    strength: float
    tried: tuple[RidgeTried, ...]


def fit_ridge(
    features: SelectableRows,
    targets: NDArray[Any],
    *,
    strata: NDArray[np.int64],
    groups: Sequence[str] | None = None,
    seed: int = 0,
    most_axes: int = MOST_EXACT_AXES,
) -> Ridge:
    """Fits a ridge regression, its strength chosen on out-of-fold predictions.

    Args:
        features: ``(N, D)`` training rows.
        targets: ``(N, K)``, standardised: one strength serves all of them.
        strata: ``(N,)``, which folds are to have alike shares of.
        groups: Group per row; a group is never divided between folds.
        seed: For the folds.
        most_axes: Only so many leading principal axes of the features are used.

    Returns:
        The regression.
    """
    axes = principal_axes(features, most=most_axes, seed=seed)
    coordinates = rotated(features, axes)
    folds = (
        stratified_folds(strata, count=FOLDS, seed=seed)
        if groups is None
        else grouped_folds(strata, groups, count=FOLDS, seed=seed)
    )
    held_out = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    moments = [_moments(coordinates.select(rows), targets[rows]) for rows in held_out]
    everything = _sum(moments)
    errors = np.zeros(len(STRENGTHS))
    if len(held_out) > 1:
        for rows, own in zip(held_out, moments, strict=True):
            solved = _solve(everything.without(own), STRENGTHS)
            errors += _squared_errors(coordinates.select(rows), targets[rows], *solved)
    tried = tuple(map(RidgeTried, STRENGTHS, (errors / targets.size).tolist()))
    best = min(tried, key=lambda one: one.squared_error)
    (weights,), (bias,) = _solve(everything, (best.strength,))
    weight, intercept = axes.to_features(weights.astype(np.float32), bias.astype(np.float32))
    return Ridge(np.ascontiguousarray(weight.T), intercept, best.strength, tried)


@dataclass(frozen=True, eq=False)
class _Moments:
    """Sums over some rows: how many, rows ``(R,)``, targets ``(K,)``, and products ``(R, R)`` and ``(R, K)``."""

    count: int
    rows: NDArray[np.float64]
    targets: NDArray[np.float64]
    gram: NDArray[np.float64]
    cross: NDArray[np.float64]

    def without(self, part: _Moments) -> _Moments:
        return _Moments(
            self.count - part.count,
            self.rows - part.rows,
            self.targets - part.targets,
            self.gram - part.gram,
            self.cross - part.cross,
        )


def _sum(parts: Sequence[_Moments]) -> _Moments:
    return _Moments(
        sum(part.count for part in parts),
        np.sum([part.rows for part in parts], axis=0),
        np.sum([part.targets for part in parts], axis=0),
        np.sum([part.gram for part in parts], axis=0),
        np.sum([part.cross for part in parts], axis=0),
    )


def _moments(coordinates: ArrayRows, targets: NDArray[Any]) -> _Moments:
    dim = coordinates.shape[1]
    rows, gram, cross = np.zeros(dim), np.zeros((dim, dim)), np.zeros((dim, targets.shape[1]))
    for place, chunk in coordinates.chunks(_chunk_rows(dim)):
        rows += chunk.sum(axis=0, dtype=np.float64)
        gram += chunk.T @ chunk
        cross += chunk.T @ targets[place]
    return _Moments(coordinates.shape[0], rows, targets.sum(axis=0, dtype=np.float64), gram, cross)


def _solve(sums: _Moments, strengths: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights ``(S, R, K)`` and biases ``(S, K)`` of all strengths, by one eigendecomposition."""
    mean, target_mean = sums.rows / sums.count, sums.targets / sums.count
    values, vectors = np.linalg.eigh(sums.gram - sums.count * np.outer(mean, mean))
    along = vectors.T @ (sums.cross - np.outer(sums.rows, target_mean))
    shrunk = along / (values.clip(0)[:, None] + np.asarray(strengths)[:, None, None])
    weights = vectors @ shrunk
    return weights, target_mean - mean @ weights


def _squared_errors(
    coordinates: ArrayRows, targets: NDArray[Any], weights: NDArray[np.float64], bias: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The summed squared error of each strength, ``(S,)``."""
    errors = np.zeros(len(weights))
    for place, chunk in coordinates.chunks(_chunk_rows(coordinates.shape[1])):
        missed = chunk @ weights + bias[:, None] - targets[place]
        errors += np.einsum("snk,snk->s", missed, missed)
    return errors


def _chunk_rows(dim: int) -> int:
    return max(1, CHUNK_BYTES // (4 * dim))
