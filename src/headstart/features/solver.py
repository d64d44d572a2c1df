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

import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

CHUNK_BYTES = 64 * 1024**2
MOST_STATE_BYTES = 512 * 1024**2
MOST_ROTATED_BYTES = 256 * 1024**2
MEMORY = 8
MOST_EXACT_AXES = 2048


class Rows(Protocol):
    """Rows of features that may be larger than memory."""

    @property
    def shape(self) -> tuple[int, int]:
        """``(N, D)``."""

    def chunks(self, size: int) -> Iterator[tuple[slice, Float32]]:
        """All rows in order, at most ``size`` at a time, each with the places where they stand."""


@dataclass(frozen=True)
class ArrayRows:
    """Rows in an array, in memory or memory-mapped, of any float type."""

    array: NDArray[np.floating]

    @property
    def shape(self) -> tuple[int, int]:
        """``(N, D)``."""
        return len(self.array), self.array.shape[1]

    def chunks(self, size: int) -> Iterator[tuple[slice, Float32]]:
        """All rows in order, at most ``size`` at a time, as float32."""
        for start in range(0, len(self.array), size):
            place = slice(start, min(start + size, len(self.array)))
            yield place, np.asarray(self.array[place], dtype=np.float32)


@dataclass(frozen=True)
class PrincipalAxes:
    """A rotation of centred, scaled features to their principal axes.

    Attributes:
        mean: ``(D,)``, the mean row.
        scale: The root mean square of the centred features, one number for all of them.
        axes: ``(D, R)``, orthonormal columns.
        variances: ``(R,)``, mean square of the scaled rows along each axis.
    """

    mean: Float32
    scale: float
    axes: Float32
    variances: Float32

    def rotate(self, features: Float32) -> Float32:
        """``(n, D)`` features to ``(n, R)`` coordinates."""
        rotated: Float32 = (features - self.mean) @ (self.axes / np.float32(self.scale))
        return rotated

    def to_features(self, coefficients: Float32, bias: Float32) -> tuple[Float32, Float32]:
        """Coefficients ``(R, C)`` and bias ``(C,)`` on coordinates, as ``(D, C)`` and ``(C,)`` on the features."""
        weights = (self.axes / np.float32(self.scale)) @ coefficients
        return weights.astype(np.float32), (bias - self.mean @ weights).astype(np.float32)


def principal_axes(rows: Rows, *, most: int = MOST_EXACT_AXES, seed: int = 0) -> PrincipalAxes:
    """The principal axes of rows, from their Gram matrix on whichever side is smaller.

    Args:
        rows: ``(N, D)``.
        most: The most axes to keep. Where there are more, the leading ones are found by randomised subspace iteration
            (Halko, Martinsson & Tropp 2011, algorithm 4.4, one iteration).
        seed: For the random start of that iteration.

    Returns:
        At most ``min(N, D, most)`` axes, leading first; directions without variance are dropped.
    """
    count, dim = rows.shape
    total = _sum_over(rows, lambda chunk: chunk.sum(axis=0, dtype=np.float64))
    mean: Float32 = (total / count).astype(np.float32)
    squares = _sum_over(rows, lambda chunk: np.square(chunk - mean).sum(dtype=np.float64))
    scale = float(np.sqrt(squares / (count * dim))) or 1.0
    if min(count, dim) > most:
        axes = _leading_axes(rows, mean, most, seed)
    elif count < dim:
        axes = _axes_from_few_rows(rows, mean)
    else:
        gram = _sum_over(rows, lambda chunk: (chunk - mean).T @ (chunk - mean))
        axes = np.linalg.eigh(gram)[1][:, ::-1]
    axes = np.ascontiguousarray(axes, dtype=np.float32)
    energy = _sum_over(rows, lambda chunk: np.square((chunk - mean) @ axes).sum(axis=0, dtype=np.float64))
    variances = energy / (count * scale**2)
    kept = variances > 1e-7 * max(float(variances.max(initial=0.0)), 1e-30)
    return PrincipalAxes(mean, scale, axes[:, kept], variances[kept].astype(np.float32))


def rotated(rows: Rows, axes: PrincipalAxes) -> ArrayRows:
    """All rows in principal axes, once: in memory, or where they are many in half precision in a temporary file."""
    count, dim = rows.shape[0], axes.axes.shape[1]
    size = max(1, CHUNK_BYTES // (4 * rows.shape[1]))
    coordinates: NDArray[np.floating]
    if 4 * count * dim <= MOST_ROTATED_BYTES:
        coordinates = np.empty((count, dim), dtype=np.float32)
    else:
        # The file has no name any more when this returns; the system frees it with the last reference.
        with tempfile.TemporaryFile() as stream:
            coordinates = np.memmap(stream, dtype=np.float16, mode="w+", shape=(count, dim))
    for place, chunk in rows.chunks(size):
        coordinates[place] = axes.rotate(chunk)
    return ArrayRows(coordinates)


@dataclass(frozen=True)
class Solution:
    """What a batch of problems came to, in the order in which they were given.

    Attributes:
        coefficients: ``(P, R, C)``.
        bias: ``(P, C)``.
        iterations: ``(P,)``, L-BFGS iterations that each problem took.
        converged: ``(P,)``, whether its gradient fell below the tolerance.
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
    penalty = (strengths / totals).astype(np.float32)
    # The last row of a weight matrix is the bias: a constant coordinate of variance 1 without penalty.
    curvature = np.ones((problems, dim + 1, 1), dtype=np.float32)
    curvature[:, :dim, 0] = variances[None, :] + 2 * penalty[:, None]
    curvature *= 0.5
    objective = _Objective(coordinates, labels, classes, members, totals, penalty)
    weights = np.zeros((problems, dim + 1, classes), dtype=np.float32)
    iterations, converged = _lbfgs(objective, weights, curvature, tolerance, most_iterations)
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


def _lbfgs(
    objective: Callable[[Float32, NDArray[np.intp]], tuple[NDArray[np.float64], Float32]],
    weights: Float32,
    curvature: Float32,
    tolerance: float,
    most_iterations: int,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Batched L-BFGS from ``weights`` (P, R, C), in place; every problem has its own history and step length."""
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
    objective: Callable[[Float32, NDArray[np.intp]], tuple[NDArray[np.float64], Float32]],
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


def _joined(solutions: Iterable[Solution]) -> Solution:
    parts = list(solutions)
    return Solution(
        np.concatenate([part.coefficients for part in parts]),
        np.concatenate([part.bias for part in parts]),
        np.concatenate([part.iterations for part in parts]),
        np.concatenate([part.converged for part in parts]),
    )


def _sum_over(rows: Rows, of: Callable[[Float32], NDArray[Any]]) -> NDArray[Any]:
    size = max(1, CHUNK_BYTES // (4 * rows.shape[1]))
    total: NDArray[Any] = sum((of(chunk) for _, chunk in rows.chunks(size)), start=np.zeros(()))
    return total


def _axes_from_few_rows(rows: Rows, mean: Float32) -> Float32:
    centred = np.concatenate([chunk - mean for _, chunk in rows.chunks(rows.shape[0])])
    values, vectors = np.linalg.eigh(centred @ centred.T)
    kept = values > 1e-6 * max(float(values[-1]), 1e-30)
    axes = centred.T @ vectors[:, kept][:, ::-1]
    return np.asarray(axes / np.linalg.norm(axes, axis=0), dtype=np.float32)


def _leading_axes(rows: Rows, mean: Float32, most: int, seed: int) -> Float32:
    axes = np.random.default_rng(seed).standard_normal((rows.shape[1], most + 10)).astype(np.float32)
    for _ in range(2):
        axes = np.linalg.qr(_gram_product(rows, mean, axes))[0]
    # Within the subspace that was found, the axes themselves come from its own small Gram matrix (Rayleigh-Ritz).
    vectors = np.linalg.eigh(axes.T @ _gram_product(rows, mean, axes))[1]
    leading: Float32 = axes @ vectors[:, ::-1][:, :most]
    return leading


def _gram_product(rows: Rows, mean: Float32, axes: Float32) -> Float32:
    """The Gram matrix of the centred rows times some axes, without the Gram matrix."""
    return _sum_over(rows, lambda chunk: (chunk - mean).T @ ((chunk - mean) @ axes))
