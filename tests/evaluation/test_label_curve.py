"""The label curve rises with labels that mean something, stays flat where they do not, and stays small on much data."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from headstart.evaluation import label_curve as module
from headstart.evaluation.label_curve import label_curve
from headstart.features.principal_axes import principal_axes
from headstart.features.rows import ArrayRows


def curve(train, labels, test, truth, **changes):
    settings = {"classes": 10, "strength": 30.0, "axes": principal_axes(ArrayRows(train))}
    return label_curve(
        ArrayRows(train), labels, test_features=ArrayRows(test), test_labels=truth, **{**settings, **changes}
    )


@pytest.fixture(scope="module")
def digits():
    pixels, labels = load_digits(return_X_y=True)
    pixels, labels = pixels.astype(np.float32), labels.astype(np.int64)
    return pixels[:600], labels[:600], pixels[600:], labels[600:]


def test_more_labels_help_and_the_last_point_has_them_all(digits):
    points = curve(*digits)
    largest = int(np.bincount(digits[1]).max())
    assert [point.per_class for point in points] == [1, 2, 5, 10, 20, 50, largest]
    assert [point.labels for point in points[:3]] == [10, 20, 50]
    assert points[-1].labels == 600
    accuracies = [point.accuracy.value for point in points]
    assert accuracies[0] < accuracies[2] - 0.1 < accuracies[-1]
    assert all(point.accuracy.low < point.accuracy.value < point.accuracy.high for point in points)


def test_labels_without_meaning_buy_nothing(digits):
    train, labels, test, truth = digits
    shuffled = np.random.default_rng(0).permutation(labels)
    assert all(point.accuracy.value < 0.25 for point in curve(train, shuffled, test, truth))


def test_much_data_is_cut_to_a_part(digits, monkeypatch):
    monkeypatch.setattr(module, "_MOST_ROWS", 100)
    points = curve(*digits)
    assert [point.per_class for point in points] == [1, 2, 5, 10]
    assert points[-1].labels == 100


def test_one_example_per_class_gives_no_curve(digits):
    train, labels, test, truth = digits
    first = np.unique(labels, return_index=True)[1]
    assert curve(train[first], labels[first], test, truth) == []
