import numpy as np
import pytest
from sklearn import metrics

from headstart.core.errors import UsageError
from headstart.metrics.regression import error_summands, mean_absolute_error, r_squared, root_mean_squared_error


@pytest.fixture
def numbers():
    chance = np.random.default_rng(0)
    targets = 1e6 + chance.normal(size=200)
    return targets, targets + chance.normal(scale=0.5, size=200)


def test_they_are_those_of_scikit_learn(numbers):
    sums = error_summands(*numbers).sum(axis=0)
    assert mean_absolute_error(sums) == pytest.approx(metrics.mean_absolute_error(*numbers))
    assert root_mean_squared_error(sums) == pytest.approx(metrics.root_mean_squared_error(*numbers))
    assert r_squared(sums) == pytest.approx(metrics.r2_score(*numbers))


def test_r_squared_is_that_of_the_items_that_were_drawn(numbers):
    rows = np.random.default_rng(1).integers(0, 200, 200)
    drawn = error_summands(*numbers)[rows].sum(axis=0)
    assert r_squared(drawn) == pytest.approx(metrics.r2_score(*(values[rows] for values in numbers)))


def test_a_unit_changes_errors_and_not_r_squared(numbers):
    targets, predictions = numbers
    sums, scaled = (error_summands(factor * targets, factor * predictions).sum(axis=0) for factor in (1.0, 1000.0))
    assert r_squared(scaled) == pytest.approx(r_squared(sums))
    assert mean_absolute_error(scaled) == pytest.approx(1000 * mean_absolute_error(sums))


@pytest.mark.parametrize("predictions", [np.array([2.0, 2.0]), np.array([2.0, 3.0])])
def test_equal_targets_leave_nothing_to_explain(predictions):
    targets = np.array([2.0, 2.0])
    expected = metrics.r2_score(targets, predictions)
    assert r_squared(error_summands(targets, predictions).sum(axis=0)) == expected


@pytest.mark.parametrize(
    ("targets", "predictions"), [([1.0, 2.0], [1.0]), ([], []), ([1.0], [np.nan]), ([[1.0]], [[1.0]])]
)
def test_what_cannot_be_compared_is_refused(targets, predictions):
    with pytest.raises(UsageError, match="Expected"):
        error_summands(np.array(targets), np.array(predictions))
