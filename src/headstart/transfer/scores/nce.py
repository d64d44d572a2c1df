r"""NCE: minus the conditional entropy of the labels, given the class that the source takes each example for.

With :math:`z_i` the source's most probable class and the empirical :math:`\hat P(y \mid z)`,

.. math:: -H(Y \mid Z) = \frac1N \sum_i \log \hat P(y_i \mid z_i) .

Tran, Nguyen, Hassner, "Transferability and Hardness of Supervised Classification Tasks", ICCV 2019. There the source
labels are given; as in Nguyen et al. (ICML 2020) they are here what the source's classifier predicts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.transfer.scores.contract import Evidence, Score, source_probabilities_of


def log_conditionals(evidence: Evidence) -> NDArray[np.float64]:
    """The log of the share of each example's class among the examples of its source class, ``(N,)``, in nats."""
    source = source_probabilities_of(evidence)
    taken_for = source.argmax(axis=1)
    joint = np.zeros((evidence.classes, source.shape[1]))
    np.add.at(joint, (evidence.labels, taken_for), 1.0)
    return np.asarray(np.log(joint[evidence.labels, taken_for] / joint.sum(axis=0)[taken_for]))


def nce(evidence: Evidence) -> float:
    """The mean log share, at most 0."""
    return float(log_conditionals(evidence).mean())


NCE = Score("nce", "NCE", "Tran et al., ICCV 2019", needs_source_head=True, compute=nce, per_example=log_conditionals)
