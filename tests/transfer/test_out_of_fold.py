"""Each item is judged by a probe that has not seen it: equal to scikit-learn's, and blind to labels without meaning."""

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from headstart.features.rows import ArrayRows
from headstart.transfer.out_of_fold import FOLDS, folds_of, probe_out_of_fold


@pytest.fixture(scope="module")
def digits():
    pixels, labels = load_digits(return_X_y=True)
    return pixels[:300].astype(np.float32), labels[:300].astype(np.int64)


def test_the_same_items_are_told_right_as_by_scikit_learn(digits):
    features, labels = digits
    folds, strength = folds_of(labels, None, seed=0), 10.0
    found = probe_out_of_fold(ArrayRows(features), labels, classes=10, folds=folds, strengths=(strength,))
    scaled = features - features.mean(axis=0)
    scaled /= np.sqrt((scaled**2).mean())
    right = np.zeros(len(labels), bool)
    for fold in range(FOLDS):
        train, test = folds != fold, folds == fold
        model = LogisticRegression(C=1 / strength, tol=1e-8, max_iter=5000).fit(scaled[train], labels[train])
        right[test] = model.predict(scaled[test]) == labels[test]
    assert np.mean(found.right != right) <= 0.01  # ours stops at a coarser tolerance
    assert right.mean() > 0.9


def test_order_of_items_and_names_of_classes_do_not_matter(digits):
    features, labels = digits
    folds, order = folds_of(labels, None, seed=0), np.random.default_rng(1).permutation(len(labels))
    renamed = (labels + 3) % 10
    first = probe_out_of_fold(ArrayRows(features), labels, classes=10, folds=folds)
    other = probe_out_of_fold(ArrayRows(features[order]), renamed[order], classes=10, folds=folds[order])
    assert other.strength == first.strength
    assert np.mean(first.right[order] != other.right) <= 0.01


def test_labels_without_meaning_are_told_by_chance(digits):
    features, labels = digits
    shuffled = np.random.default_rng(0).permutation(labels)
    folds = folds_of(shuffled, None, seed=0)
    assert probe_out_of_fold(ArrayRows(features), shuffled, classes=10, folds=folds).right.mean() < 0.2


def test_fewer_folds_are_fewer_labels(digits):
    features, labels = digits[0][:100], digits[1][:100]
    folds = folds_of(labels, None, seed=0)
    all_others, one = (
        probe_out_of_fold(ArrayRows(features), labels, classes=10, folds=folds, train_on=count) for count in (4, 1)
    )
    assert all_others.right.mean() > one.right.mean() + 0.05


def test_a_group_is_never_divided_and_folds_have_no_gap():
    labels = np.array([0, 0, 1, 1, 0, 1])
    folds = folds_of(labels, ["a", "a", "b", "b", "c", "c"], seed=0)
    assert [len(set(folds[start : start + 2])) for start in (0, 2, 4)] == [1, 1, 1]
    assert sorted(set(folds)) == [0, 1, 2]


def test_groups_that_give_the_label_away_do_not_help():
    """Every group is a direction of its own with one label: known to a probe that saw the group, to no other."""
    generator = np.random.default_rng(0)
    directions = generator.standard_normal((40, 64)).astype(np.float32)
    group = np.repeat(np.arange(40), 5)
    features = directions[group] + 0.01 * generator.standard_normal((200, 64)).astype(np.float32)
    labels = (group % 2).astype(np.int64)
    apart, torn = folds_of(labels, [f"g{number}" for number in group], seed=0), folds_of(labels, None, seed=0)
    kept, leaked = (
        probe_out_of_fold(ArrayRows(features), labels, classes=2, folds=folds).right.mean() for folds in (apart, torn)
    )
    assert leaked > 0.95
    assert kept < 0.75
