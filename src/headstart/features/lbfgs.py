"""L-BFGS for many problems at once (Nocedal & Wright 2006, algorithm 7.4), from a Hessian that is nearly right.

What is dear is one pass over the rows, and it serves all problems; so all take their steps together, and a problem that
has converged is left out of the passes that follow.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from headstart.features.rows import Float32

MEMORY = 8


class Objective(Protocol):
    """Loss and gradient of some of the problems, in one pass over the rows."""

    def __call__(self, weights: Float32, which: NDArray[np.intp]) -> tuple[NDArray[np.float64], Float32]:
        """Losses ``(p,)`` and gradients ``(p, R, C)`` of the problems ``which`` at ``weights`` ``(p, R, C)``."""


def minimise(
    objective: Objective,
    weights: Float32,
    curvature: Float32,
    tolerance: float,
    most_iterations: int,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Minimises P objectives at once, from ``weights`` and in place; each has its own history and step length.

    Args:
        objective: Losses and gradients of some of the problems.
        weights: ``(P, R, C)``; the start, and then the result.
        curvature: ``(P, R, 1)``, the diagonal of each start Hessian.
        tolerance: A problem has converged when its gradient, in the metric of the start Hessian, is below this share of
            what it was at the start.
        most_iterations: A problem that needs more ends as not converged.

    Returns:
        Iterations ``(P,)`` and whether each problem converged ``(P,)``.
    """
    problems = len(weights)
    iterations = np.zeros(problems, dtype=np.int64)
    converged = np.zeros(problems, dtype=np.bool_)
    active = np.arange(problems)
    loss, gradient = objective(weights, active)
    goal = tolerance * _norm(gradient, curvature)
    history = _History(curvature)
    for _ in range(most_iterations):
        done = _norm(gradient, curvature[active]) <= goal[active]
        converged[active[done]] = True
        if done.any():
            active, loss, gradient = active[~done], loss[~done], gradient[~done]
            history.keep(~done)
        if not len(active):
            break
        direction = history.direction(gradient)
        step, new_loss, new_gradient = _line_search(objective, weights[active], active, direction, loss, gradient)
        stuck = step == 0
        change = step[:, None, None] * direction
        weights[active] += change
        iterations[active] += 1
        history.add(change, new_gradient - gradient)
        loss, gradient = new_loss, new_gradient
        if stuck.any():  # no step goes down any further in float32: this is as low as it gets
            converged[active[stuck]] = True
            active, loss, gradient = active[~stuck], loss[~stuck], gradient[~stuck]
            history.keep(~stuck)
    return iterations, converged


def _norm(gradient: Float32, curvature: Float32) -> NDArray[np.float64]:
    """The length of each problem's gradient in the metric of the start Hessian."""
    squares: NDArray[np.float64] = np.einsum("pdc,pdc->p", gradient, gradient / curvature, dtype=np.float64)
    return np.sqrt(squares)


def _line_search(
    objective: Objective,
    weights: Float32,
    which: NDArray[np.intp],
    direction: Float32,
    loss: NDArray[np.float64],
    gradient: Float32,
) -> tuple[Float32, NDArray[np.float64], Float32]:
    """Backtracks each problem from step 1 until Armijo's condition holds; a step of 0 means that none was found."""
    slope = np.einsum("pdc,pdc->p", gradient, direction, dtype=np.float64)
    step = np.ones(len(which), dtype=np.float32)
    new_loss, new_gradient = objective(weights + direction, which)
    for _ in range(12):
        # Rounding of the loss itself must not count as an increase.
        rounding = 1e-7 * np.abs(loss)
        failed = np.flatnonzero(new_loss > loss + 1e-4 * step * slope + rounding)
        if not len(failed):
            return step, new_loss, new_gradient
        step[failed] *= 0.4
        trial = weights[failed] + step[failed, None, None] * direction[failed]
        new_loss[failed], new_gradient[failed] = objective(trial, which[failed])
    step[failed] = 0
    new_loss[failed], new_gradient[failed] = loss[failed], gradient[failed]
    return step, new_loss, new_gradient


class _History:
    """The last steps of every active problem and what they say of its inverse Hessian (the two-loop recursion)."""

    def __init__(self, curvature: Float32) -> None:
        self._curvature = curvature
        self._steps: list[tuple[Float32, Float32, Float32]] = []

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Forgets the problems that are done."""
        self._curvature = self._curvature[kept]
        self._steps = [(step[kept], change[kept], rho[kept]) for step, change, rho in self._steps]

    def add(self, step: Float32, change: Float32) -> None:
        """Remembers a step and the change of the gradient; a pair without positive curvature gets no say."""
        product = np.einsum("pdc,pdc->p", step, change, dtype=np.float64)
        lengths = np.einsum("pdc,pdc->p", change, change / self._curvature, dtype=np.float64)
        rho = np.where(product > 1e-10 * lengths, 1 / np.where(product == 0, 1, product), 0).astype(np.float32)
        self._steps = [*self._steps[-(MEMORY - 1) :], (step, change, rho)]

    def direction(self, gradient: Float32) -> Float32:
        """The quasi-Newton direction of each problem."""
        result = -gradient
        alphas = []
        for step, change, rho in reversed(self._steps):
            alpha = rho * np.einsum("pdc,pdc->p", step, result)
            result -= alpha[:, None, None] * change
            alphas.append(alpha)
        result /= self._curvature
        result *= self._scale()[:, None, None]
        for (step, change, rho), alpha in zip(self._steps, reversed(alphas), strict=True):
            beta = rho * np.einsum("pdc,pdc->p", change, result)
            result += (alpha - beta)[:, None, None] * step
        return result

    def _scale(self) -> Float32:
        """How much smaller the true curvature along the last step is than its bound."""
        if not self._steps:
            return np.ones(len(self._curvature), dtype=np.float32)
        _, change, rho = self._steps[-1]
        bounded = np.einsum("pdc,pdc->p", change, change / self._curvature)
        return np.where(rho > 0, 1 / np.maximum(rho * bounded, 1e-12), 1).astype(np.float32)
