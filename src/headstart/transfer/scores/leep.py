r"""LEEP: the log likelihood of the labels under a classifier that only renames the source's classes.

From the source's class probabilities :math:`\theta(x)_z` the joint :math:`\hat P(y, z) = \frac1N \sum_{i : y_i = y}
\theta(x_i)_z` is estimated, and with its conditional :math:`\hat P(y \mid z)` the score is

.. math:: \frac1N \sum_i \log \sum_z \hat P(y_i \mid z) \, \theta(x_i)_z .

Nguyen, Hassner, Seeger, Archambeau, "LEEP: A New Measure to Evaluate Transferability of Learned Representations",
ICML 2020. No deviations.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.transfer.scores.class_spectrum import sums_by_class
from headstart.transfer.scores.contract import Evidence, Score, source_probabilities_of


def log_expected_empirical_predictions(evidence: Evidence) -> NDArray[np.float64]:
    """The log likelihood of each example's label, ``(N,)``, in nats."""
    source = source_probabilities_of(evidence)
    joint = sums_by_class(source, evidence.labels, evidence.classes)
    totals = joint.sum(axis=0)
    conditional = np.divide(joint, totals, out=np.zeros_like(joint), where=totals > 0)
    return np.asarray(np.log((conditional[evidence.labels] * source).sum(axis=1)))


def leep(evidence: Evidence) -> float:
    """The mean log likelihood, at most 0."""
    return float(log_expected_empirical_predictions(evidence).mean())


LEEP = Score(
    "leep",
    "LEEP",
    "Nguyen et al., ICML 2020",
    needs_source_head=True,
    compute=leep,
    per_example=log_expected_empirical_predictions,
)
