"""The regularised H-score against the definition, with scikit-learn's Ledoit-Wolf estimate and a plain inverse."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.covariance import LedoitWolf
from tests.transfer.scores.evidence import drawn

from headstart.transfer.scores.hscore import hscore, ledoit_wolf_shrinkage


def by_definition(evidence):
    features = evidence.features.astype(np.float64)
    features -= features.mean(axis=0)
    estimate = LedoitWolf(assume_centered=True).fit(features)
    conditional = np.zeros_like(features)
    for label in np.unique(evidence.labels):
        conditional[evidence.labels == label] = features[evidence.labels == label].mean(axis=0)
    between = conditional.T @ conditional / len(features)
    return np.trace(np.linalg.inv(estimate.covariance_) @ ((1 - estimate.shrinkage_) * between))


@pytest.mark.parametrize(("examples", "dim"), [(200, 10), (60, 60), (40, 120)])
def test_equals_the_definition(examples, dim):
    evidence = drawn(examples=examples, dim=dim)
    assert hscore(evidence) == pytest.approx(by_definition(evidence), rel=1e-6)


@pytest.mark.parametrize(("examples", "dim"), [(200, 10), (30, 90)])
def test_shrinks_as_scikit_learn_does(examples, dim):
    features = drawn(examples=examples, dim=dim).features.astype(np.float64)
    features -= features.mean(axis=0)
    variances = np.linalg.svd(features, compute_uv=False) ** 2 / examples
    ours = ledoit_wolf_shrinkage(np.square(features).sum(axis=1), variances, dim)
    assert ours == pytest.approx(LedoitWolf(assume_centered=True).fit(features).shrinkage_, rel=1e-9)


def test_shifting_the_features_changes_nothing():
    evidence = drawn()
    shifted = replace(evidence, features=evidence.features + np.float32(3))
    assert hscore(shifted) == pytest.approx(hscore(evidence), rel=1e-5)


def test_lies_below_the_number_of_classes_less_one():
    assert 2.5 < hscore(drawn(signal=20.0)) < 3
