import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from headstart.metrics.average_precision import average_precision, mean_average_precision


@pytest.fixture
def ranked():
    chance = np.random.default_rng(0)
    there = chance.random((80, 4)) < 0.3
    return there, (there + chance.normal(size=there.shape)).round(1)  # with ties


def test_it_is_that_of_scikit_learn(ranked):
    there, scores = ranked
    weights = np.random.default_rng(1).integers(0, 4, (3, 80))
    for label in range(4):
        found = average_precision(there[:, label], scores[:, label], weights)
        for row, weight in enumerate(weights):
            expected = average_precision_score(there[:, label], scores[:, label], sample_weight=weight)
            assert found[row] == pytest.approx(expected)
    everything = mean_average_precision(there, scores, np.ones((1, 80)))[0]
    assert everything == pytest.approx(average_precision_score(there, scores, average="macro"))


def test_a_weight_of_two_is_an_item_that_stands_twice(ranked):
    there, scores = ranked[0][:, 0], ranked[1][:, 0]
    twice = average_precision(np.repeat(there, 2), np.repeat(scores, 2), np.ones((1, 160)))
    assert average_precision(there, scores, np.full((1, 80), 2))[0] == pytest.approx(twice[0])


def test_one_score_for_all_is_worth_the_share_of_the_label():
    assert average_precision(np.arange(10) < 3, np.zeros(10), np.ones((1, 10)))[0] == pytest.approx(0.3)


def test_labels_that_nobody_has_do_not_count():
    there, scores = np.array([[1, 0], [0, 0]]), np.array([[0.9, 0.1], [0.1, 0.9]])
    assert np.isnan(average_precision(there[:, 1], scores[:, 1], np.ones((1, 2))))
    assert mean_average_precision(there, scores, np.ones((1, 2)))[0] == 1
    assert mean_average_precision(there * 0, scores, np.ones((1, 2)))[0] == 0
