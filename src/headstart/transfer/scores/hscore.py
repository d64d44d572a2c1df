r"""Regularised H-score: how much of the features' variance lies between the classes, in whitened features.

.. math:: H = \operatorname{tr}\left(\hat\Sigma^{-1} (1 - \delta) \Sigma_b\right), \qquad
          \hat\Sigma = (1 - \delta) \Sigma + \delta \tfrac{\operatorname{tr} \Sigma}{D} I

with the covariance :math:`\Sigma` of the features, that of their class means :math:`\Sigma_b`, and the shrinkage
:math:`\delta` of Ledoit and Wolf, without which the score grows with D alone where examples are few.

In the eigenvectors of :math:`N \Sigma`, with eigenvalues :math:`\sigma_i`, :math:`\hat\Sigma` is diagonal, so that the
trace is a sum over :math:`i` and no ``(D, D)`` matrix is inverted.

Bao et al., "An Information-Theoretic Approach to Transferability in Task Transfer Learning", ICIP 2019; regularised:
Ibrahim, Ponomareva, Mazumder, "Newer is not always better: Rethinking transferability metrics, their peculiarities,
stability and performance", ECML PKDD 2022; Ledoit, Wolf, "A well-conditioned estimator for large-dimensional covariance
matrices", 2004.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.transfer.scores.class_spectrum import class_spectrum
from headstart.transfer.scores.contract import Evidence, Score


def hscore(evidence: Evidence) -> float:
    """The regularised H-score, in 0 .. C - 1; 0 for features that are all the same."""
    centred = evidence.features - evidence.features.mean(axis=0, dtype=np.float64)
    spectrum = class_spectrum(centred, evidence.labels, evidence.classes)
    variances = spectrum.eigenvalues / spectrum.examples
    if not len(variances):
        return 0.0
    dim = centred.shape[1]
    shrinkage = ledoit_wolf_shrinkage(np.square(centred).sum(axis=1), variances, dim)
    shrunk = (1 - shrinkage) * variances + shrinkage * variances.sum() / dim
    between = np.square(spectrum.coordinates) / np.maximum(spectrum.counts, 1)
    return float((1 - shrinkage) * (between.sum(axis=1) * variances / shrunk).sum())


def ledoit_wolf_shrinkage(squared_lengths: NDArray[np.float64], variances: NDArray[np.float64], dim: int) -> float:
    r"""How far a sample covariance is to be drawn towards a multiple of the identity.

    .. math:: \delta = \min\left(1, \frac{\tfrac{1}{N^2} \sum_i \lVert x_i \rVert^4 - \tfrac1N \lVert \Sigma \rVert_F^2}
              {\lVert \Sigma \rVert_F^2 - \operatorname{tr}(\Sigma)^2 / D}\right)

    Args:
        squared_lengths: ``(N,)``, of the centred examples.
        variances: ``(R,)``, the eigenvalues of the sample covariance that are not 0.
        dim: D.
    """
    count = len(squared_lengths)
    norm = float(np.square(variances).sum())
    spread = norm - float(variances.sum()) ** 2 / dim
    noise = (float(np.square(squared_lengths).mean()) - norm) / count
    return 1.0 if noise >= spread else noise / spread


HSCORE = Score(
    "hscore",
    "H-score",
    "Bao et al., ICIP 2019; Ibrahim et al., ECML PKDD 2022",
    needs_source_head=False,
    compute=hscore,
)
