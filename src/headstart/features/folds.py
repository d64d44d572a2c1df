"""Folds for cross-validation on training data."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def stratified_folds(labels: NDArray[np.int64], *, count: int, seed: int) -> NDArray[np.int64]:
    """Deals the examples of each class out to folds in random order, so that all folds have alike shares of each class.

    Args:
        labels: ``(N,)``.
        count: Number of folds.
        seed: For the order.

    Returns:
        ``(N,)``, the fold of each example, in ``0 .. count - 1``.
    """
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    folds = np.empty(len(labels), dtype=np.int64)
    # Dealt in one go over all classes, small classes do not all land in the first folds.
    folds[order] = np.arange(len(labels)) % count
    return folds


def grouped_folds(labels: NDArray[np.int64], groups: Sequence[str], *, count: int, seed: int) -> NDArray[np.int64]:
    """Folds in which a group is never divided: each group, the largest first, goes where its classes are rarest.

    Args:
        labels: ``(N,)``.
        groups: The group of each example.
        count: Number of folds.
        seed: For the order among groups of one size.

    Returns:
        ``(N,)``, the fold of each example.
    """
    names, place = np.unique(np.asarray(groups), return_inverse=True)
    histogram = np.zeros((len(names), int(labels.max()) + 1))
    np.add.at(histogram, (place, labels), 1)
    filled = np.zeros((count, histogram.shape[1]))
    fold_of = np.empty(len(names), dtype=np.int64)
    order = np.random.default_rng(seed).permutation(len(names))
    for group in order[np.argsort(-histogram[order].sum(axis=1), kind="stable")]:
        cost = ((filled + histogram[group]) ** 2).sum(axis=1) - (filled**2).sum(axis=1)
        fold_of[group] = int(np.argmin(cost + 1e-6 * filled.sum(axis=1)))
        filled[fold_of[group]] += histogram[group]
    return fold_of[place]
