"""Spectrum and class coordinates against numpy's singular value decomposition."""

import numpy as np
import pytest
from tests.transfer.scores.evidence import drawn

from headstart.transfer.scores import class_spectrum as module
from headstart.transfer.scores.class_spectrum import class_spectrum, sums_by_class


@pytest.mark.parametrize(("examples", "dim"), [(60, 12), (30, 30), (16, 40)])
def test_equals_the_singular_value_decomposition(examples, dim, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 7)
    evidence = drawn(examples=examples, dim=dim)
    left, singular, _ = np.linalg.svd(evidence.features.astype(np.float64), full_matrices=False)
    spectrum = class_spectrum(evidence.features, evidence.labels, 4)
    np.testing.assert_allclose(spectrum.eigenvalues, singular**2, rtol=1e-6)
    expected = left.T @ np.eye(4)[evidence.labels]
    np.testing.assert_allclose(np.abs(spectrum.coordinates), np.abs(expected), atol=1e-6)
    assert spectrum.examples == examples


def test_directions_without_variance_are_left_out():
    features = drawn(examples=50, dim=5).features
    repeated = np.concatenate([features, features], axis=1)
    assert len(class_spectrum(repeated, np.arange(50) % 2, 2).eigenvalues) == 5


def test_sums_by_class_leave_absent_classes_at_zero():
    sums = sums_by_class(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([2, 0, 2]), 4)
    assert sums.tolist() == [[3, 4], [0, 0], [6, 8], [0, 0]]
