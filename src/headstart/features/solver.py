r"""Multinomial logistic regression for many strengths and folds at once.

A problem is one strength :math:`\alpha` on one subset of the rows. For rows :math:`x_i`, classes :math:`y_i`, row
weights :math:`m_i` (1 where the row belongs to the problem, else 0) and :math:`n = \sum_i m_i` it is

.. math:: \min_{W, b} \; \frac{1}{n} \sum_i m_i \, \mathrm{CE}(x_i W + b, y_i)
          + \frac{\alpha}{2 n} \lVert W \rVert^2 .

All problems share the rows, so one pass over them serves all: the weights of P problems stand side by side in one
matrix, and both the logits and the gradient are a single matrix product. Three ideas keep the passes few:

* The rows are expressed in their principal axes. There the bound :math:`\tfrac12 s_d^2 + \alpha / n` on the diagonal
  of the Hessian (Böhning 1992; :math:`s_d^2` is the variance along axis d) is nearly the Hessian itself, and L-BFGS
  starts from it (Nocedal & Wright 2006, algorithm 7.4).
* Where there are fewer rows than features, there are only as many axes as rows.
* A problem that has converged is left out of the passes that follow.

Rows are read in chunks; what is kept besides them is of the size of the weights.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError
from headstart.features.lbfgs import MEMORY, minimise
from headstart.features.rows import CHUNK_BYTES, Float32, Rows

MOST_STATE_BYTES = 512 * 1024**2


@dataclass(frozen=True)
class Solution:
    """What a batch of problems came to, in the order in which they were given.

    Attributes:
        coefficients: ``(P, R, C)``.
        bias: ``(P, C)``.
        iterations: ``(P,)``, L-BFGS iterations that each problem took.
        converged: ``(P,)``, whether its gradient fell below the tolerance, or float32 allowed no further step down.
    """

    coefficients: Float32
    bias: Float32
    iterations: NDArray[np.int64]
    converged: NDArray[np.bool_]


def solve(
    coordinates: Rows,
    labels: NDArray[np.int64],
    *,
    classes: int,
    strengths: NDArray[np.float64],
    members: NDArray[np.bool_],
    variances: Float32,
    tolerance: float = 1e-4,
    most_iterations: int = 200,
) -> Solution:
    r"""Solves P logistic regressions over the same rows at once.

    Args:
        coordinates: ``(N, R)`` rows in principal axes (:meth:`PrincipalAxes.rotate`), centred.
        labels: ``(N,)``, in ``0 .. classes - 1``.
        classes: C, at least 2.
        strengths: ``(P,)``, the prior precision :math:`\alpha \ge 0` of each problem.
        members: ``(P, N)``, which rows belong to which problem; each has at least one.
        variances: ``(R,)``, mean squares of the coordinates.
        tolerance: A problem has converged when its gradient, measured in the metric of the start Hessian, is below this
            share of what it was at zero weights.
        most_iterations: A problem that needs more ends as not converged.

    Returns:
        The solutions; the bias is not penalised.

    Raises:
        UsageError: A problem has no rows.
    """
    dim = coordinates.shape[1]
    problems = len(strengths)
    state_bytes = 4 * (2 * MEMORY + 8) * (dim + 1) * classes
    at_once = max(1, MOST_STATE_BYTES // state_bytes)
    if problems > at_once:
        parts = [slice(start, start + at_once) for start in range(0, problems, at_once)]
        return _joined(
            solve(
                coordinates,
                labels,
                classes=classes,
                strengths=strengths[part],
                members=members[part],
                variances=variances,
                tolerance=tolerance,
                most_iterations=most_iterations,
            )
            for part in parts
        )
    totals = members.sum(axis=1).astype(np.float64)
    if not totals.all():
        raise UsageError("Expected every problem to have at least one row, but some have none; leave those out.")
    penalty = (strengths / totals).astype(np.float32)
    # The last row of a weight matrix is the bias: a constant coordinate of variance 1 without penalty.
    curvature = np.ones((problems, dim + 1, 1), dtype=np.float32)
    curvature[:, :dim, 0] = variances[None, :] + 2 * penalty[:, None]
    curvature *= 0.5
    objective = _Objective(coordinates, labels, classes, members, totals, penalty)
    weights = np.zeros((problems, dim + 1, classes), dtype=np.float32)
    iterations, converged = minimise(objective, weights, curvature, tolerance, most_iterations)
    return Solution(weights[:, :dim], weights[:, dim], iterations, converged)


@dataclass(frozen=True)
class _Objective:
    """Loss and gradient of some of the problems, in one pass over the rows."""

    rows: Rows
    labels: NDArray[np.int64]
    classes: int
    members: NDArray[np.bool_]
    totals: NDArray[np.float64]
    penalty: Float32

    def __call__(self, weights: Float32, which: NDArray[np.intp]) -> tuple[NDArray[np.float64], Float32]:
        """Losses ``(p,)`` and gradients ``(p, R + 1, C)`` of the problems ``which`` at ``weights``."""
        problems, dim, classes = len(which), weights.shape[1] - 1, self.classes
        flat = np.ascontiguousarray(weights.transpose(1, 0, 2)).reshape(dim + 1, problems * classes)
        gradient = np.zeros_like(flat)
        losses = np.zeros(problems)
        size = max(1, CHUNK_BYTES // (4 * (problems * classes + dim)))
        for place, rows in self.rows.chunks(size):
            logits = rows @ flat[:dim]
            logits += flat[dim]
            residual = logits.reshape(len(rows), problems, classes)
            row_weights = self._row_weights(which, place)
            losses += _cross_entropy_to_residual(residual, self.labels[place], row_weights)
            gradient[:dim] += rows.T @ logits
            gradient[dim] += logits.sum(axis=0)
        gradients = np.ascontiguousarray(gradient.reshape(dim + 1, problems, classes).transpose(1, 0, 2))
        penalty = self.penalty[which]
        gradients[:, :dim] += penalty[:, None, None] * weights[:, :dim]
        squares = np.einsum("pdc,pdc->p", weights[:, :dim], weights[:, :dim], dtype=np.float64)
        return losses + 0.5 * penalty * squares, gradients

    def _row_weights(self, which: NDArray[np.intp], place: slice) -> Float32:
        return (self.members[which, place].T / self.totals[which]).astype(np.float32)


def _cross_entropy_to_residual(logits: Float32, labels: NDArray[np.int64], row_weights: Float32) -> NDArray[np.float64]:
    """The weighted cross-entropy of each problem; turns ``logits`` (n, p, C) into its derivative, in place."""
    place = np.arange(len(labels))
    logits -= logits.max(axis=2, keepdims=True)
    chosen = logits[place, :, labels]
    np.exp(logits, out=logits)
    normaliser = logits.sum(axis=2, keepdims=True)
    losses: NDArray[np.float64] = np.einsum(
        "np,np->p", np.log(normaliser[..., 0]) - chosen, row_weights, dtype=np.float64
    )
    logits *= row_weights[..., None] / normaliser
    logits[place, :, labels] -= row_weights
    return losses


def _joined(solutions: Iterable[Solution]) -> Solution:
    parts = list(solutions)
    return Solution(
        np.concatenate([part.coefficients for part in parts]),
        np.concatenate([part.bias for part in parts]),
        np.concatenate([part.iterations for part in parts]),
        np.concatenate([part.converged for part in parts]),
    )
