import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score

from headstart.metrics.balanced_accuracy import balanced_accuracy


@pytest.mark.parametrize("seed", range(5))
def test_balanced_accuracy_equals_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels = generator.choice(4, size=80, p=[0.7, 0.1, 0.1, 0.1])
    predictions = np.where(generator.random(80) < 0.6, labels, generator.integers(0, 4, size=80))
    assert balanced_accuracy(labels, predictions) == pytest.approx(balanced_accuracy_score(labels, predictions))


def test_balanced_accuracy_does_not_change_when_one_class_is_repeated() -> None:
    labels, predictions = np.random.default_rng(0).integers(0, 3, size=(2, 60))
    repeated = np.concatenate([np.arange(60), np.repeat(np.flatnonzero(labels == 1), 5)])
    assert balanced_accuracy(labels[repeated], predictions[repeated]) == pytest.approx(
        balanced_accuracy(labels, predictions)
    )


def test_a_class_without_items_counts_for_nothing() -> None:
    assert balanced_accuracy(np.array([0, 0, 2]), np.array([0, 1, 2])) == 0.75
