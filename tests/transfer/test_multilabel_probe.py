import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from headstart.features.folds import stratified_folds
from headstart.features.rows import ArrayRows
from headstart.transfer.multilabel_probe import fit_multilabel_probe
from headstart.transfer.probe import FOLDS


@pytest.fixture
def problem():
    chance = np.random.default_rng(0)
    features = chance.normal(size=(150, 8)).astype(np.float32)
    there = (features @ chance.normal(size=(8, 3)) + 2 * chance.normal(size=(150, 3)) > [0, 1.5, -1]).astype(np.float32)
    return features, there, np.arange(150) % 2


def _scaled(features):
    centred = features - features.mean(axis=0)
    return centred / np.sqrt((centred**2).mean())


def test_each_label_has_the_regression_of_scikit_learn(problem):
    features, there, strata = problem
    probe = fit_multilabel_probe(ArrayRows(features), there, strata=strata)
    logits = features @ probe.head.weight.T + probe.head.bias
    for label in range(3):
        one = LogisticRegression(C=1 / probe.strength, tol=1e-8).fit(_scaled(features), there[:, label])
        np.testing.assert_allclose(logits[:, label], one.decision_function(_scaled(features)), atol=5e-3)
    assert probe.converged


def test_the_strength_is_that_of_the_smallest_out_of_fold_log_loss(problem):
    features, there, strata = problem
    probe = fit_multilabel_probe(ArrayRows(features), there, strata=strata)
    folds = PredefinedSplit(stratified_folds(strata, count=FOLDS, seed=0))
    assert probe.strength == min(probe.tried, key=lambda one: one.log_loss).strength
    for one in probe.tried[::2]:
        logits = np.stack(
            [
                cross_val_predict(
                    LogisticRegression(C=1 / one.strength),
                    _scaled(features),
                    column,
                    cv=folds,
                    method="decision_function",
                )
                for column in there.T
            ],
            axis=1,
        )
        probabilities = 1 / (1 + np.exp(-logits / one.temperature))
        assert one.log_loss == pytest.approx(log_loss(there.ravel(), probabilities.ravel()), abs=2e-3)


def test_groups_are_never_divided_and_change_the_choice(problem):
    features, there, strata = problem
    twins = [f"pair {place // 2}" for place in range(150)]
    alike, alike_there = np.repeat(features[:75], 2, axis=0), np.repeat(there[:75], 2, axis=0)
    together = fit_multilabel_probe(ArrayRows(alike), alike_there, strata=strata, groups=twins)
    divided = fit_multilabel_probe(ArrayRows(alike), alike_there, strata=strata)
    assert min(one.log_loss for one in together.tried) > min(one.log_loss for one in divided.tried)
