import numpy as np
import pytest
from sklearn import metrics

from headstart.core.errors import UsageError
from headstart.metrics.log_loss import log_loss


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(5))
def test_log_loss_equals_scikit_learn(seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels, probabilities = generator.integers(0, 4, size=30), softmax(3 * generator.normal(size=(30, 4)))
    expected = metrics.log_loss(labels, probabilities, labels=range(4))
    assert log_loss(labels, probabilities) == pytest.approx(expected)


def test_a_constant_added_to_all_logits_changes_nothing() -> None:
    generator = np.random.default_rng(0)
    labels, logits = generator.integers(0, 4, size=30), generator.normal(size=(30, 4))
    assert log_loss(labels, softmax(logits + 7)) == pytest.approx(log_loss(labels, softmax(logits)))


def test_a_sure_mistake_is_finite() -> None:
    assert log_loss(np.array([1]), np.array([[1.0, 0.0]])) == pytest.approx(36.04, abs=0.01)


@pytest.mark.parametrize(
    ("probabilities", "match"),
    [
        (np.array([[2.0, -1.0], [0.5, 0.5]]), "row 0"),
        (np.array([[0.5, 0.5], [np.nan, 0.5]]), "row 1"),
        (np.array([[0.5, 0.5]]), "shape"),
        (np.array([[1.0], [1.0]]), "column for every class"),
    ],
)
def test_log_loss_refuses_what_are_no_probabilities(probabilities: np.ndarray, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        log_loss(np.array([0, 1]), probabilities)
