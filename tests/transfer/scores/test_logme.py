"""LogME is the evidence, maximised over both precisions: here by brute force on the dense Gaussian."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import multivariate_normal
from sklearn.linear_model import BayesianRidge
from tests.transfer.scores.evidence import drawn

from headstart.transfer.scores.logme import logme


def by_brute_force(evidence):
    """For each class the largest density of its one-hot column under N(0, I / beta + F F' / alpha)."""
    features, count = evidence.features.astype(np.float64), len(evidence.labels)
    outer = features @ features.T
    best = []
    for label in range(evidence.classes):
        column = (evidence.labels == label).astype(np.float64)

        def cost(logs, column=column):
            covariance = np.exp(-logs[1]) * np.eye(count) + np.exp(-logs[0]) * outer
            return -multivariate_normal.logpdf(column, np.zeros(count), covariance, allow_singular=True)

        starts = [(0.0, 0.0), (4.0, 2.0), (-2.0, 3.0)]
        options = {"xatol": 1e-9, "fatol": 1e-9, "maxiter": 4000}
        best.append(min(minimize(cost, start, method="Nelder-Mead", options=options).fun for start in starts))
    return -np.mean(best) / count


@pytest.mark.parametrize(("examples", "dim", "signal"), [(50, 6, 1.0), (50, 6, 0.3), (24, 24, 0.7), (20, 60, 0.5)])
def test_equals_the_evidence_maximised_by_brute_force(examples, dim, signal):
    evidence = drawn(examples=examples, dim=dim, signal=signal, classes=3)
    assert logme(evidence) == pytest.approx(by_brute_force(evidence), abs=1e-5)


def test_equals_bayesian_ridge_of_scikit_learn():
    evidence = drawn(examples=300, dim=20)
    flat = {"alpha_1": 0.0, "alpha_2": 0.0, "lambda_1": 0.0, "lambda_2": 0.0}
    evidences = []
    for label in range(evidence.classes):
        ridge = BayesianRidge(fit_intercept=False, compute_score=True, tol=1e-10, max_iter=2000, **flat)
        ridge.fit(evidence.features.astype(np.float64), (evidence.labels == label).astype(np.float64))
        evidences.append(ridge.scores_[-1])
    assert logme(evidence) == pytest.approx(np.mean(evidences) / 300, abs=1e-6)


def test_a_feature_that_is_always_zero_changes_nothing():
    evidence = drawn()
    wider = np.concatenate([evidence.features, np.zeros((60, 5), np.float32)], axis=1)
    assert logme(type(evidence)(wider, evidence.labels, 4)) == pytest.approx(logme(evidence), rel=1e-9)
