import numpy as np
import pytest
from sklearn import metrics

from headstart.core.errors import UsageError
from headstart.metrics.confusion import confusion_matrix


@pytest.mark.parametrize("seed", range(5))
def test_confusion_equals_scikit_learn(seed: int) -> None:
    labels, predictions = np.random.default_rng(seed).integers(0, 4, size=(2, 60))
    expected = metrics.confusion_matrix(labels, predictions, labels=range(6))
    np.testing.assert_array_equal(confusion_matrix(labels, predictions, classes=6), expected)


def test_swapping_labels_and_predictions_transposes() -> None:
    labels, predictions = np.random.default_rng(0).integers(0, 4, size=(2, 60))
    np.testing.assert_array_equal(
        confusion_matrix(labels, predictions, classes=4), confusion_matrix(predictions, labels, classes=4).T
    )


def test_an_index_beyond_the_classes_is_refused() -> None:
    with pytest.raises(UsageError, match="below `classes` = 2, but got 2"):
        confusion_matrix(np.array([0, 1]), np.array([0, 2]), classes=2)
