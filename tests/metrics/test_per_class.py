import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from headstart.metrics.per_class import ClassCounts, class_counts, f1, mean_over_classes, precision, recall


@pytest.mark.parametrize("seed", range(5))
def test_per_class_scores_equal_scikit_learn(seed: int) -> None:
    labels, predictions = np.random.default_rng(seed).integers(0, 4, size=(2, 60))
    counts = class_counts(labels, predictions)
    expected = precision_recall_fscore_support(labels, predictions)
    for ours, theirs in zip((precision(counts), recall(counts), f1(counts), counts.support), expected, strict=True):
        np.testing.assert_allclose(ours, theirs)


def test_what_is_undefined_is_nan_and_a_class_never_predicted_has_f1_zero() -> None:
    counts = class_counts(np.array([0, 0, 1]), np.array([0, 2, 2]), classes=4)
    np.testing.assert_array_equal(precision(counts), [1, np.nan, 0, np.nan])
    np.testing.assert_array_equal(recall(counts), [0.5, 0, np.nan, np.nan])
    np.testing.assert_allclose(f1(counts), [2 / 3, 0, np.nan, np.nan])


def test_counts_with_leading_axes_are_scored_row_by_row() -> None:
    generator = np.random.default_rng(0)
    rows = [class_counts(*generator.integers(0, 3, size=(2, 20)), classes=3) for _ in range(4)]
    stacked = ClassCounts(*(np.stack([getattr(row, name) for row in rows]) for name in ClassCounts.__annotations__))
    np.testing.assert_allclose(f1(stacked), [f1(row) for row in rows])
    np.testing.assert_allclose(mean_over_classes(recall(stacked)), [np.mean(recall(row)) for row in rows])
