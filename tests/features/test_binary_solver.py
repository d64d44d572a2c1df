import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from headstart.core.errors import UsageError
from headstart.features import binary_solver
from headstart.features.binary_solver import solve_binary
from headstart.features.principal_axes import principal_axes, rotated
from headstart.features.rows import ArrayRows


@pytest.fixture
def problem():
    chance = np.random.default_rng(0)
    features = ArrayRows(chance.normal(size=(120, 7)).astype(np.float32))
    axes = principal_axes(features)
    targets = (features.array @ chance.normal(size=(7, 3)) + chance.normal(size=(120, 3)) > [0, 1, -1]).astype(
        np.float32
    )
    return rotated(features, axes), targets, axes.variances


def _solved(problem, strengths, members, **options):
    coordinates, targets, variances = problem
    return solve_binary(
        coordinates, targets, strengths=strengths, members=members, variances=variances, tolerance=1e-5, **options
    )


def test_every_label_problem_and_subset_is_solved_as_by_scikit_learn(problem):
    members = np.stack([np.arange(120) % 4 != fold for fold in (0, 1)] * 2)
    strengths = np.array([0.5, 0.5, 20.0, 20.0])
    solution = _solved(problem, strengths, members)
    assert solution.converged.all()
    for place, strength in enumerate(strengths):
        rows = problem[0].array[members[place]]
        for label in range(3):
            expected = LogisticRegression(C=1 / strength, tol=1e-8, max_iter=2000).fit(
                rows, problem[1][members[place], label]
            )
            np.testing.assert_allclose(solution.coefficients[place, :, label], expected.coef_[0], atol=2e-3)
            assert solution.bias[place, label] == pytest.approx(expected.intercept_[0], abs=2e-3)


def test_many_problems_are_solved_part_by_part_with_the_same_result(problem, monkeypatch):
    members, strengths = np.ones((3, 120), np.bool_), np.array([1.0, 10.0, 100.0])
    whole = _solved(problem, strengths, members)
    monkeypatch.setattr(binary_solver, "MOST_STATE_BYTES", 4 * 24 * 8 * 2)
    parts = _solved(problem, strengths, members)
    np.testing.assert_allclose(parts.coefficients, whole.coefficients, atol=1e-5)
    np.testing.assert_allclose(parts.bias, whole.bias, atol=1e-5)


def test_a_label_that_all_have_is_no_trouble(problem):
    coordinates, targets, variances = problem
    targets = np.ones_like(targets)
    solution = solve_binary(
        coordinates,
        targets,
        strengths=np.array([1.0]),
        members=np.ones((1, 120), np.bool_),
        variances=variances,
    )
    assert np.isfinite(solution.coefficients).all()
    assert (solution.bias > 3).all()


def test_a_problem_without_rows_is_refused(problem):
    with pytest.raises(UsageError, match="at least one row"):
        _solved(problem, np.array([1.0]), np.zeros((1, 120), np.bool_))
