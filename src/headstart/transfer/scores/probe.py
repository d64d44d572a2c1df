"""Probe: the accuracy that a linear probe reaches on examples it has not seen, by 5-fold cross-validation.

Multinomial logistic regressions of a few strengths, all folds and strengths solved in one go
(:mod:`headstart.transfer.out_of_fold`); the strength with the smallest out-of-fold log loss counts.

Alain, Bengio, "Understanding intermediate layers using linear classifier probes", 2017; cross-validated linear probes
to choose among backbones: Renggli et al., "Which Model to Transfer? Finding the Needle in the Growing Haystack", CVPR
2022. Unlike :func:`headstart.transfer.probe.fit_probe`, which looks for the best strength among all, this one is quick.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.features.rows import ArrayRows
from headstart.transfer.out_of_fold import OutOfFold, folds_of, probe_out_of_fold
from headstart.transfer.scores.contract import Evidence, Score

STRENGTHS = (1e1, 1e2, 1e3, 1e4)


def told_right(evidence: Evidence) -> NDArray[np.float64]:
    """1 for each example whose label the probe gives without having seen it, else 0; ``(N,)``."""
    return out_of_fold(evidence).right.astype(np.float64)


def probe(evidence: Evidence) -> float:
    """Out-of-fold accuracy, in 0 .. 1."""
    return float(told_right(evidence).mean())


def out_of_fold(evidence: Evidence) -> OutOfFold:
    """What the probes of the other folds make of each example."""
    return probe_out_of_fold(
        ArrayRows(evidence.features),
        evidence.labels,
        classes=evidence.classes,
        folds=folds_of(evidence.labels, None, seed=0),
        strengths=STRENGTHS,
    )


PROBE = Score(
    "probe", "linear probe", "Renggli et al., CVPR 2022", needs_source_head=False, compute=probe, per_example=told_right
)
