"""kNN: how often an example's nearest neighbours by cosine, itself left out, are of its class.

An example counts 1 where its class has the most votes among its :data:`NEIGHBOURS` nearest others, and 1 / T where it
shares the most votes with T - 1 further classes: what drawing one of them would give on average.

Cover, Hart, "Nearest neighbor pattern classification", 1967; as a measure of frozen features: Wu et al., "Unsupervised
Feature Learning via Non-Parametric Instance Discrimination", CVPR 2018, whose votes are weighted; these are not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.transfer.scores.contract import Evidence, Score

NEIGHBOURS = 5
_CHUNK = 1024


def votes_won(evidence: Evidence) -> NDArray[np.float64]:
    """Each example's share of being told right by its neighbours, ``(N,)``."""
    lengths = np.linalg.norm(evidence.features, axis=1, keepdims=True)
    directions = (evidence.features / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
    count = min(NEIGHBOURS, len(directions) - 1)
    won = np.empty(len(directions))
    for start in range(0, len(directions), _CHUNK):
        places = np.arange(start, min(start + _CHUNK, len(directions)))
        similarity = directions[places] @ directions.T
        similarity[places - start, places] = -np.inf
        nearest = np.argpartition(similarity, -count, axis=1)[:, -count:]
        won[places] = _won(evidence.labels[nearest], evidence.labels[places], evidence.classes)
    return won


def knn(evidence: Evidence) -> float:
    """Leave-one-out accuracy, in 0 .. 1."""
    return float(votes_won(evidence).mean())


def _won(neighbours: NDArray[np.int64], labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Whether the label ``(n,)`` has the most votes of the neighbours' labels ``(n, k)``; ties are shared."""
    place = np.arange(len(labels))
    votes = np.zeros((len(labels), classes), dtype=np.int64)
    np.add.at(votes, (place[:, None], neighbours), 1)
    leading = votes == votes.max(axis=1, keepdims=True)
    return np.asarray(leading[place, labels] / leading.sum(axis=1))


KNN = Score(
    "knn",
    "kNN",
    "Cover & Hart, 1967; Wu et al., CVPR 2018",
    needs_source_head=False,
    compute=knn,
    per_example=votes_won,
)
