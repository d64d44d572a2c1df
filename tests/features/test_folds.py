"""Folds are balanced, never divide a group, and follow the seed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from headstart.features.folds import grouped_folds, stratified_folds


@given(st.lists(st.integers(0, 4), min_size=5, max_size=80), st.integers(2, 5), st.integers(0, 9))
def test_every_class_is_spread_evenly(labels, count, seed):
    labels = np.array(labels)
    folds = stratified_folds(labels, count=count, seed=seed)
    for name in np.unique(labels):
        sizes = np.bincount(folds[labels == name], minlength=count)
        assert sizes.max() - sizes.min() <= 1
    sizes = np.bincount(folds, minlength=count)
    assert sizes.max() - sizes.min() <= 1


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 9)), min_size=6, max_size=60), st.integers(2, 4))
def test_a_group_is_never_divided(rows, count):
    labels = np.array([label for label, _ in rows])
    groups = [str(group) for _, group in rows]
    folds = grouped_folds(labels, groups, count=count, seed=0)
    for group in set(groups):
        assert len({int(fold) for fold, name in zip(folds, groups, strict=True) if name == group}) == 1


def test_the_seed_decides():
    labels = np.arange(40) % 4
    first = stratified_folds(labels, count=4, seed=1)
    assert (first == stratified_folds(labels, count=4, seed=1)).all()
    assert (first != stratified_folds(labels, count=4, seed=2)).any()


def test_groups_fill_all_folds():
    labels = np.arange(60) % 3
    groups = [str(row // 6) for row in range(60)]
    folds = grouped_folds(labels, groups, count=5, seed=0)
    assert np.bincount(folds, minlength=5).tolist() == [12] * 5
