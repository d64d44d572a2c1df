import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import PredefinedSplit, cross_val_predict

from headstart.features.folds import grouped_folds, stratified_folds
from headstart.features.rows import ArrayRows
from headstart.transfer.ridge import FOLDS, STRENGTHS, fit_ridge


@pytest.fixture
def problem():
    chance = np.random.default_rng(0)
    features = (3 + chance.normal(size=(90, 12)) * np.linspace(1, 4, 12)).astype(np.float32)
    targets = features @ chance.normal(size=(12, 2)) * 0.1 + chance.normal(size=(90, 2))
    return features, targets, np.arange(90) % 3


def _scaled(features):
    centred = features - features.mean(axis=0)
    return centred / np.sqrt((centred**2).mean())


def test_it_is_scikit_learns_on_features_of_unit_size(problem):
    features, targets, strata = problem
    ridge = fit_ridge(ArrayRows(features), targets, strata=strata)
    expected = Ridge(alpha=ridge.strength).fit(_scaled(features), targets).predict(_scaled(features))
    np.testing.assert_allclose(features @ ridge.weight.T + ridge.bias, expected, atol=2e-4)


@pytest.mark.parametrize("grouped", [False, True])
def test_each_strength_is_judged_out_of_fold(problem, grouped):
    features, targets, strata = problem
    groups = [f"group {place // 6}" for place in range(90)] if grouped else None
    folds = (
        grouped_folds(strata, groups, count=FOLDS, seed=0) if groups else stratified_folds(strata, count=FOLDS, seed=0)
    )
    tried = fit_ridge(ArrayRows(features), targets, strata=strata, groups=groups).tried
    assert [one.strength for one in tried] == list(STRENGTHS)
    for one in tried[::6]:
        found = cross_val_predict(Ridge(alpha=one.strength), _scaled(features), targets, cv=PredefinedSplit(folds))
        assert one.squared_error == pytest.approx(((found - targets) ** 2).mean(), rel=1e-3)


def test_noise_is_held_back_and_what_can_be_learned_is_not():
    chance = np.random.default_rng(1)
    features = chance.normal(size=(80, 60)).astype(np.float32)
    learnable, noise = features[:, :1] * 5, chance.normal(size=(80, 1))
    strata = np.zeros(80, np.int64)
    weak, strong = (fit_ridge(ArrayRows(features), targets, strata=strata).strength for targets in (learnable, noise))
    assert strong > 100 * weak


def test_more_features_than_rows_and_an_offset_are_no_trouble():
    features = np.random.default_rng(2).normal(size=(40, 200)).astype(np.float32)
    targets = features[:, :1] + 2
    ridge = fit_ridge(ArrayRows(features), targets, strata=np.zeros(40, np.int64))
    moved = fit_ridge(ArrayRows(features + 50), targets, strata=np.zeros(40, np.int64))
    first, second = (rows @ one.weight.T + one.bias for rows, one in ((features, ridge), (features + 50, moved)))
    np.testing.assert_allclose(first, second, atol=0.01)
    assert abs(first.mean() - targets.mean()) < 1e-2
