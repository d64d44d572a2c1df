import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from headstart.core.errors import UsageError
from headstart.metrics.accuracy import accuracy


@pytest.mark.parametrize("seed", range(5))
def test_accuracy_equals_scikit_learn(seed: int) -> None:
    labels, predictions = np.random.default_rng(seed).integers(0, 4, size=(2, 57))
    assert accuracy(labels, predictions) == pytest.approx(accuracy_score(labels, predictions))


def test_accuracy_does_not_depend_on_the_names_of_classes() -> None:
    generator = np.random.default_rng(0)
    labels, predictions = generator.integers(0, 4, size=(2, 57))
    renamed = generator.permutation(4)
    assert accuracy(renamed[labels], renamed[predictions]) == accuracy(labels, predictions)


@pytest.mark.parametrize(
    ("labels", "predictions"),
    [
        (np.array([], dtype=int), np.array([], dtype=int)),
        (np.array([0, 1]), np.array([0])),
        (np.array([0.0, 1.0]), np.array([0, 1])),
        (np.array([0, -1]), np.array([0, 1])),
        (np.array([0, 1]), np.array([0, -1])),
    ],
)
def test_accuracy_refuses_arrays_that_do_not_belong_together(labels: np.ndarray, predictions: np.ndarray) -> None:
    with pytest.raises(UsageError, match="Expected"):
        accuracy(labels, predictions)
