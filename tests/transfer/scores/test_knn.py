"""kNN against scikit-learn's neighbours, counted in plain loops."""

from collections import Counter

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from tests.transfer.scores.evidence import drawn

from headstart.transfer.scores import knn as module
from headstart.transfer.scores.contract import Evidence
from headstart.transfer.scores.knn import knn, votes_won


def by_counting(evidence):
    found = NearestNeighbors(n_neighbors=6, metric="cosine").fit(evidence.features)
    won = []
    for row, neighbours in enumerate(found.kneighbors(return_distance=False, n_neighbors=5)):
        votes = Counter(evidence.labels[neighbours].tolist())
        leading = [label for label, count in votes.items() if count == max(votes.values())]
        won.append((evidence.labels[row] in leading) / len(leading))
    return won


@pytest.mark.parametrize("signal", [0.0, 0.5, 1.0])
def test_equals_neighbours_counted_one_by_one(signal):
    evidence = drawn(examples=120, signal=signal)
    np.testing.assert_allclose(votes_won(evidence), by_counting(evidence))


def test_examples_are_compared_with_all_others_however_they_are_chunked(monkeypatch):
    evidence = drawn(examples=70)
    whole = votes_won(evidence)
    monkeypatch.setattr(module, "_CHUNK", 16)
    np.testing.assert_array_equal(votes_won(evidence), whole)


def test_no_example_is_its_own_neighbour():
    """Every example stands apart from its class, beside one of the other."""
    angles = np.array([0.0, 0.01, 2.0, 2.01])
    evidence = Evidence(np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32), np.array([0, 1] * 2), 2)
    assert knn(evidence) == 0


def test_the_length_of_an_example_changes_nothing():
    evidence = drawn()
    lengths = np.random.default_rng(3).uniform(0.1, 9, (60, 1)).astype(np.float32)
    assert knn(Evidence(evidence.features * lengths, evidence.labels, 4)) == knn(evidence)
