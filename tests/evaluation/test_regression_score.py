import numpy as np
import pytest
from sklearn.metrics import r2_score

from headstart.core.errors import UsageError
from headstart.evaluation.regression_score import compare_regressions, regression_score


@pytest.fixture
def numbers():
    chance = np.random.default_rng(0)
    targets = 100 + 10 * chance.normal(size=150)
    return targets, targets + 4 * chance.normal(size=150), targets + 8 * chance.normal(size=150)


def test_r_squared_leads_and_every_value_lies_in_its_interval(numbers):
    score = regression_score(*numbers[:2])
    assert list(score.metrics) == ["r2", "mean_absolute_error", "root_mean_squared_error"]
    assert score.metrics["r2"].value == pytest.approx(r2_score(*numbers[:2]))
    assert all(found.low < found.value < found.high for found in score.metrics.values())


def test_the_interval_is_that_of_a_bootstrap_by_hand(numbers):
    chance = np.random.default_rng(7)
    drawn = [r2_score(*(values[rows] for values in numbers[:2])) for rows in chance.integers(0, 150, (2000, 150))]
    low, high = np.quantile(drawn, [0.025, 0.975])
    found = regression_score(*numbers[:2]).metrics["r2"]
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.01)


def test_units_and_an_offset_change_nothing_of_r_squared(numbers):
    plain, moved = (
        regression_score(*(scale * values + add for values in numbers[:2])) for scale, add in ((1, 0), (1e9, 1e14))
    )
    ours, theirs = plain.metrics["r2"], moved.metrics["r2"]
    assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high), abs=1e-3)


def test_a_worse_answer_than_the_mean_is_below_zero_and_stays_so(numbers):
    found = regression_score(numbers[0], numbers[0][::-1]).metrics["r2"]
    assert found.low < found.value < found.high < 0


def test_groups_widen_the_interval(numbers):
    chance = np.random.default_rng(3)
    groups = np.repeat(np.arange(15), 10)
    shared = numbers[0] + np.repeat(6 * chance.normal(size=15), 10)
    alone, together = (regression_score(numbers[0], shared, groups=given) for given in (None, groups))
    widths = [
        score.metrics["mean_absolute_error"].high - score.metrics["mean_absolute_error"].low
        for score in (alone, together)
    ]
    assert widths[1] > 1.5 * widths[0]


def test_two_models_are_compared_on_the_same_items(numbers):
    ours, theirs = (regression_score(numbers[0], predictions) for predictions in numbers[1:])
    found = compare_regressions(ours, theirs)
    assert found.difference.value == pytest.approx(ours.metrics["r2"].value - theirs.metrics["r2"].value)
    assert 0 < found.difference.low < found.difference.value < found.difference.high
    assert 0 < found.smallest_detectable < 1
    assert (found.metric, found.items) == ("R²", 150)
    back = compare_regressions(theirs, ours)
    assert back.difference.value == pytest.approx(-found.difference.value)


def test_a_model_against_itself_shows_nothing(numbers):
    score = regression_score(*numbers[:2])
    found = compare_regressions(score, score).difference
    assert (found.value, found.low, found.high) == (0, 0, 0)


def test_scores_of_other_items_are_refused(numbers):
    with pytest.raises(UsageError, match="same items"):
        compare_regressions(regression_score(*numbers[:2]), regression_score(numbers[0] ** 2, numbers[1]))


def test_a_single_item_and_a_single_group_say_what_they_can(numbers):
    assert regression_score(np.array([1.0]), np.array([2.0])).metrics["mean_absolute_error"].value == 1
    one_group = regression_score(*numbers[:2], groups=np.zeros(150))
    assert one_group.metrics == regression_score(*numbers[:2]).metrics
