r"""LogME: the evidence of a Bayesian linear regression on the features, maximised over its two precisions.

For the one-hot column :math:`y` of a class, weights :math:`w \sim \mathcal{N}(0, \alpha^{-1} I)` and
:math:`y \mid w \sim \mathcal{N}(F w, \beta^{-1} I)`, the score is the mean over classes of

.. math:: \frac{1}{N} \max_{\alpha, \beta} \log p(y \mid F, \alpha, \beta).

With :math:`t = \alpha / \beta`, the eigenvalues :math:`\sigma_i` of :math:`F^\top F` and :math:`c = U^\top y` from the
singular value decomposition of :math:`F`, the best :math:`\beta` for a :math:`t` is :math:`N / q(t)` with
:math:`q(t) = \lVert y \rVert^2 - \sum_i c_i^2 \sigma_i / (\sigma_i + t)`, and the evidence there is

.. math:: -\tfrac{N}{2} \left(\log \tfrac{2 \pi q(t)}{N} + 1\right) - \tfrac12 \sum_i \log(1 + \sigma_i / t).

The paper's fixed point :math:`t \leftarrow \gamma r / ((N - \gamma) m)` finds :math:`t`, with
:math:`\gamma = \sum_i \sigma_i / (\sigma_i + t)`, the squared residual :math:`r` and the squared length :math:`m` of
the mean weights. One eigendecomposition of a Gram matrix serves all classes, and the iteration runs for all of them at
once on ``(R, C)`` arrays: 10,000 examples of 1,280 features in 100 classes take little more than that decomposition.

You, Liu, Wang, Long, "LogME: Practical Assessment of Pre-trained Models for Transfer Learning", ICML 2021; the fixed
point and its convergence: You et al., "Ranking and Tuning Pre-trained Models", JMLR 2022.

Deviations: the iteration begins at the mean eigenvalue instead of 1 and goes on until it stands, which makes the score
independent of the features' scale; classes without an example are left out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.transfer.scores.class_spectrum import ClassSpectrum, class_spectrum
from headstart.transfer.scores.contract import Evidence, Score

_MOST_ITERATIONS = 200
_TOLERANCE = 1e-5
#: How far :math:`t` may go from the mean eigenvalue: features that say nothing of a class drive it to infinity.
_FURTHEST = 1e12


def logme(evidence: Evidence) -> float:
    """The mean of :func:`log_evidences` over the classes that have examples, per example, in nats."""
    spectrum = class_spectrum(evidence.features, evidence.labels, evidence.classes)
    there = spectrum.counts > 0
    spectrum = ClassSpectrum(spectrum.eigenvalues, spectrum.coordinates[:, there], spectrum.counts[there])
    return float(log_evidences(spectrum).mean() / spectrum.examples)


def log_evidences(spectrum: ClassSpectrum) -> NDArray[np.float64]:
    """The maximised log evidence of each class, ``(C,)``.

    Args:
        spectrum: Of features that are not centred; each class has examples.
    """
    eigenvalues, squares = spectrum.eigenvalues[:, None], np.square(spectrum.coordinates)
    outside = np.maximum(spectrum.counts - squares.sum(axis=0), 0.0)
    middle = eigenvalues.mean() if len(eigenvalues) else 1.0
    ratio = np.full(squares.shape[1], middle)
    for _ in range(_MOST_ITERATIONS):
        following = _following(ratio, eigenvalues, squares, outside, spectrum.examples)
        before, ratio = ratio, np.clip(following, middle / _FURTHEST, middle * _FURTHEST)
        if np.all(np.abs(ratio - before) <= _TOLERANCE * before):
            break
    return _evidences_at(ratio, eigenvalues, squares, outside, spectrum.examples)


def _following(
    ratio: NDArray[np.float64],
    eigenvalues: NDArray[np.float64],
    squares: NDArray[np.float64],
    outside: NDArray[np.float64],
    examples: int,
) -> NDArray[np.float64]:
    """One step of the fixed point for all classes ``(C,)``; no difference of nearly equal numbers is taken."""
    kept = eigenvalues / (eigenvalues + ratio)
    held_back = ratio / (eigenvalues + ratio)
    effective = kept.sum(axis=0)
    free = (examples - len(eigenvalues)) + held_back.sum(axis=0)
    residual = (squares * held_back**2).sum(axis=0) + outside
    length = (squares * kept**2 / eigenvalues).sum(axis=0)
    return np.asarray(effective * residual / np.maximum(free * length, np.finfo(np.float64).tiny))


def _evidences_at(
    ratio: NDArray[np.float64],
    eigenvalues: NDArray[np.float64],
    squares: NDArray[np.float64],
    outside: NDArray[np.float64],
    examples: int,
) -> NDArray[np.float64]:
    """The log evidence at each class's ratio and the best noise precision for it, ``(C,)``."""
    unexplained = (squares * (ratio / (eigenvalues + ratio))).sum(axis=0) + outside
    fit = -0.5 * examples * (np.log(2 * np.pi * unexplained / examples) + 1)
    return np.asarray(fit - 0.5 * np.log1p(eigenvalues / ratio).sum(axis=0))


LOGME = Score("logme", "LogME", "You et al., ICML 2021", needs_source_head=False, compute=logme)
