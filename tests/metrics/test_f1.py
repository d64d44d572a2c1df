import numpy as np
import pytest
from sklearn.metrics import f1_score

from headstart.metrics.f1 import macro_f1


@pytest.mark.parametrize("seed", range(5))
def test_macro_f1_equals_scikit_learn_over_the_classes_with_items(seed: int) -> None:
    generator = np.random.default_rng(seed)
    labels = generator.choice([0, 1, 3], size=40)
    predictions = generator.integers(0, 5, size=40)
    expected = f1_score(labels, predictions, labels=np.unique(labels), average="macro", zero_division=0)
    assert macro_f1(labels, predictions) == pytest.approx(expected)


def test_macro_f1_is_symmetric_in_labels_and_predictions() -> None:
    labels, predictions = np.random.default_rng(0).integers(0, 3, size=(2, 90))
    assert macro_f1(labels, predictions) == pytest.approx(macro_f1(predictions, labels))
