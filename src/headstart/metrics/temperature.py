"""Temperature scaling: how confident logits should have been.

Guo et al., "On Calibration of Modern Neural Networks", 2017; with the targets of Platt, "Probabilistic Outputs for
Support Vector Machines", 1999, which keep a few right answers from being taken for certainty.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LARGEST_INVERSE_TEMPERATURE = 20.0


def best_temperature(
    logits: NDArray[np.float32], labels: NDArray[np.int64], *, doubt: float = 0.0
) -> tuple[float, float]:
    r"""The temperature that makes logits' cross-entropy smallest, by Newton's method on its inverse.

    The target of an item of class :math:`y` gives :math:`y` all but :math:`\epsilon`, which is shared by all classes.
    The cross-entropy is convex in :math:`\beta = 1 / T`; with :math:`p = \mathrm{softmax}(\beta z)` and targets
    :math:`t` its derivatives are the means of :math:`\mathbb{E}_p[z] - \mathbb{E}_t[z]` and :math:`\mathrm{Var}_p[z]`.

    Args:
        logits: ``(N, C)``.
        labels: ``(N,)``.
        doubt: :math:`\epsilon`, in [0, 1): 0 for the log loss itself, :func:`doubt_after` where the temperature is
            judged by the items that it is fitted to.

    Returns:
        The temperature, at least 1/20, and the cross-entropy there in nats.
    """
    logits = logits - logits.max(axis=1, keepdims=True)
    chosen = (1 - doubt) * logits[np.arange(len(labels)), labels] + doubt * logits.mean(axis=1)
    beta, low, high = 1.0, 1e-3, _LARGEST_INVERSE_TEMPERATURE
    for _ in range(30):
        weights = np.exp(beta * logits, dtype=np.float64)
        probabilities = weights / weights.sum(axis=1, keepdims=True)
        mean = (probabilities * logits).sum(axis=1)
        slope = float((mean - chosen).mean())
        curvature = float(((probabilities * np.square(logits)).sum(axis=1) - np.square(mean)).mean())
        low, high = (low, beta) if slope > 0 else (beta, high)
        newton = beta - slope / max(curvature, 1e-12)
        following = newton if low < newton < high else (low * high) ** 0.5
        if abs(following - beta) <= 1e-4 * beta:
            break
        beta = following
    loss = float((np.log(np.exp(beta * logits).sum(axis=1)) - beta * chosen).mean())
    return 1 / beta, loss


def doubt_after(right: int) -> float:
    r"""What is left of doubt after so many right answers: :math:`1 / (N + 2)`, Laplace's rule of succession.

    Without it a network that is right about all of 14 items would be infinitely sure, with a loss of 0.

    >>> doubt_after(14)
    0.0625
    """
    return 1 / (right + 2)


def calibrated(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Probabilities at the temperature that suits them best, with the doubt that these labels leave.

    Args:
        probabilities: Shape ``(N, C)``.
        labels: Shape ``(N,)``.

    Returns:
        Shape ``(N, C)``; rows sum to 1.
    """
    logits = np.log(np.maximum(probabilities, 1e-12))
    temperature, _ = best_temperature(logits.astype(np.float32), labels, doubt=doubt_after(len(labels)))
    weights = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)
