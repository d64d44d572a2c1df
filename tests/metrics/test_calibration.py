import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from headstart.metrics.calibration import bin_indices, expected_calibration_error, reliability_bins


def binary(count: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    confidence = 0.5 + generator.random(count) / 2
    labels = (generator.random(count) > confidence**2).astype(np.int64)
    return labels, np.stack([confidence, 1 - confidence], axis=1)


@pytest.mark.parametrize("seed", range(5))
def test_reliability_equals_scikit_learns_quantile_bins(seed: int) -> None:
    labels, probabilities = binary(200, seed=seed)
    accuracy, confidence = calibration_curve(labels == 0, probabilities[:, 0], n_bins=8, strategy="quantile")
    ours = reliability_bins(labels, probabilities, bins=8)
    np.testing.assert_allclose([entry.accuracy for entry in ours], accuracy)
    np.testing.assert_allclose([entry.confidence for entry in ours], confidence)
    assert sum(entry.count for entry in ours) == 200


def test_the_error_is_the_weighted_mean_gap_of_the_bins() -> None:
    labels, probabilities = binary(200, seed=0)
    bins = reliability_bins(labels, probabilities, bins=8)
    expected = sum(entry.count * abs(entry.accuracy - entry.confidence) for entry in bins) / 200
    assert expected_calibration_error(labels, probabilities, bins=8) == pytest.approx(expected)


def test_the_order_of_items_does_not_matter_even_where_confidences_are_tied() -> None:
    labels, probabilities = binary(200, seed=0)
    probabilities = probabilities.round(1)
    order = np.random.default_rng(1).permutation(200)
    assert expected_calibration_error(labels[order], probabilities[order]) == pytest.approx(
        expected_calibration_error(labels, probabilities)
    )


def test_a_model_that_is_always_right_and_sure_is_calibrated() -> None:
    assert expected_calibration_error(np.zeros(20, dtype=int), np.tile([1.0, 0.0], (20, 1))) == 0.0


def test_bins_hold_about_equally_many_items_and_never_separate_ties() -> None:
    assert np.bincount(bin_indices(np.random.default_rng(0).random(150), bins=15)).tolist() == [10] * 15
    assert bin_indices(np.full(9, 0.7), bins=3).tolist() == [0] * 9
