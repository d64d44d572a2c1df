"""The probe's score against scikit-learn's logistic regression on the same folds."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from headstart.features.folds import stratified_folds
from headstart.transfer import out_of_fold as module
from headstart.transfer.scores.contract import Evidence
from headstart.transfer.scores.probe import out_of_fold, probe, told_right


@pytest.fixture(scope="module")
def digits():
    pixels, labels = load_digits(return_X_y=True)
    chosen = np.random.default_rng(0).permutation(len(labels))[:300]
    return Evidence(pixels[chosen].astype(np.float32), labels[chosen].astype(np.int64), 10)


def test_unseen_examples_are_told_as_scikit_learn_tells_them(digits, monkeypatch):
    monkeypatch.setattr(module, "_TOLERANCE", 1e-4)
    scaled = digits.features - digits.features.mean(axis=0)
    scaled /= np.sqrt(np.square(scaled).mean())
    folds, found = stratified_folds(digits.labels, count=5, seed=0), out_of_fold(digits)
    right = np.empty(300, dtype=bool)
    for fold in range(5):
        oracle = LogisticRegression(C=1 / found.strength, max_iter=2000)
        oracle.fit(scaled[folds != fold], digits.labels[folds != fold])
        right[folds == fold] = oracle.predict(scaled[folds == fold]) == digits.labels[folds == fold]
    assert np.mean(told_right(digits) != right) <= 0.01


def test_is_no_resubstitution(digits):
    """Random labels cannot be predicted for examples that were not seen."""
    drawn = np.random.default_rng(0).integers(0, 10, 300)
    assert probe(Evidence(digits.features, drawn, 10)) < 0.2


def test_each_example_is_right_or_wrong(digits):
    assert set(told_right(digits)) == {0.0, 1.0}
    assert probe(digits) > 0.9


def test_fewer_examples_than_folds_still_have_a_score():
    few = Evidence(np.array([[0.0], [0.1], [1.0]], np.float32), np.array([0, 0, 1]), 2)
    assert 0 <= probe(few) <= 1
