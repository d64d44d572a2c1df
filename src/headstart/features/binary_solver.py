r"""Logistic regressions on many labels, for many strengths and folds at once.

A problem is one strength :math:`\alpha` on one subset of the rows, as in :mod:`headstart.features.solver`; but each of
the C labels is there or not, whatever the others are. For rows :math:`x_i`, targets :math:`y_i \in \{0, 1\}`, row
weights :math:`m_i` and :math:`n = \sum_i m_i` a problem and a label are

.. math:: \min_{w, b} \; \frac{1}{n} \sum_i m_i \left( \log(1 + e^{z_i}) - y_i z_i \right)
          + \frac{\alpha}{2 n} \lVert w \rVert^2, \qquad z_i = x_i w + b .

All of them take their L-BFGS steps together, each with its own step length, so that one pass over the rows serves all.
The start Hessian is the bound :math:`\tfrac14 s_d^2 + \alpha / n` along each principal axis (Böhning & Lindsay 1988).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError
from headstart.features.lbfgs import MEMORY, minimise
from headstart.features.rows import CHUNK_BYTES, Float32, Rows
from headstart.features.solver import MOST_STATE_BYTES, Solution


def solve_binary(
    coordinates: Rows,
    targets: NDArray[Any],
    *,
    strengths: NDArray[np.float64],
    members: NDArray[np.bool_],
    variances: Float32,
    tolerance: float = 1e-4,
    most_iterations: int = 200,
) -> Solution:
    r"""Solves P problems for C labels each.

    Args:
        coordinates: ``(N, R)`` rows in principal axes, centred.
        targets: ``(N, C)``, 1 where a row has the label, else 0.
        strengths: ``(P,)``, the prior precision :math:`\alpha \ge 0` of each problem.
        members: ``(P, N)``, which rows belong to which problem; each has at least one.
        variances: ``(R,)``, mean squares of the coordinates.
        tolerance: A regression has converged when its gradient, measured in the metric of the start Hessian, is below
            this share of what it was at zero weights.
        most_iterations: One that needs more ends as not converged.

    Returns:
        Coefficients ``(P, R, C)``, bias ``(P, C)``, the most iterations of a problem's labels, and whether all of them
        converged; the bias is not penalised.

    Raises:
        UsageError: A problem has no rows.
    """
    totals = members.sum(axis=1).astype(np.float64)
    if not totals.all():
        raise UsageError("Expected every problem to have at least one row, but some have none; leave those out.")
    dim, labels, problems = coordinates.shape[1], targets.shape[1], len(strengths)
    penalty = (strengths / totals).astype(np.float32)
    pairs = [(problem, label) for problem in range(problems) for label in range(labels)]
    weights = np.zeros((len(pairs), dim + 1, 1), np.float32)
    iterations, converged = np.zeros(len(pairs), np.int64), np.zeros(len(pairs), np.bool_)
    at_once = max(1, MOST_STATE_BYTES // (4 * (2 * MEMORY + 8) * (dim + 1)))
    for begin in range(0, len(pairs), at_once):
        part = slice(begin, begin + at_once)
        problem, label = np.array(pairs[part]).T
        # The last coordinate is the bias: constant, of variance 1, without penalty.
        curvature = np.full((len(problem), dim + 1, 1), 0.25, np.float32)
        curvature[:, :dim, 0] = 0.25 * variances + penalty[problem][:, None]
        objective = _Objective(coordinates, targets, members, totals, penalty, problem, label)
        iterations[part], converged[part] = minimise(objective, weights[part], curvature, tolerance, most_iterations)
    by_problem = weights.reshape(problems, labels, dim + 1).transpose(0, 2, 1)
    return Solution(
        np.ascontiguousarray(by_problem[:, :dim]),
        np.ascontiguousarray(by_problem[:, dim]),
        iterations.reshape(problems, labels).max(axis=1),
        np.asarray(converged.reshape(problems, labels).all(axis=1)),
    )


@dataclass(frozen=True)
class _Objective:
    """Loss and gradient of some regressions, in one pass over the rows; each is of one problem and one label."""

    rows: Rows
    targets: NDArray[Any]
    members: NDArray[np.bool_]
    totals: NDArray[np.float64]
    penalty: Float32
    problem: NDArray[np.intp]
    label: NDArray[np.intp]

    def __call__(self, weights: Float32, which: NDArray[np.intp]) -> tuple[NDArray[np.float64], Float32]:
        """Losses ``(q,)`` and gradients ``(q, R + 1, 1)`` of the regressions ``which`` at ``weights``."""
        problem, label = self.problem[which], self.label[which]
        dim = weights.shape[1] - 1
        flat = np.ascontiguousarray(weights[:, :, 0].T)
        gradient, losses = np.zeros_like(flat), np.zeros(len(which))
        size = max(1, CHUNK_BYTES // (4 * (4 * len(which) + dim)))
        for place, rows in self.rows.chunks(size):
            logits = rows @ flat[:dim] + flat[dim]
            there = self.targets[place][:, label].astype(np.float32)
            shares = (self.members[:, place].T / self.totals).astype(np.float32)[:, problem]
            losses += (shares * (np.logaddexp(0, logits) - there * logits)).sum(axis=0, dtype=np.float64)
            residual = shares * (_sigmoid(logits) - there)
            gradient[:dim] += rows.T @ residual
            gradient[dim] += residual.sum(axis=0)
        penalty = self.penalty[problem]
        gradient[:dim] += penalty * flat[:dim]
        losses += 0.5 * penalty * np.square(flat[:dim]).sum(axis=0, dtype=np.float64)
        return losses, np.ascontiguousarray(gradient.T)[:, :, None]


def _sigmoid(logits: Float32) -> Float32:
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * logits), np.float32)
