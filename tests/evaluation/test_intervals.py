import json

import numpy as np
import pytest
from scipy import stats

from headstart.core.errors import UsageError
from headstart.evaluation.intervals import Interval, effective_size, mean_of_rates, rate, two_sided_t, wilson


@pytest.mark.parametrize(("successes", "total"), [(0, 5), (1, 5), (5, 5), (41, 44), (500, 1000)])
def test_wilson_equals_scipy(successes: int, total: int) -> None:
    expected = stats.binomtest(successes, total).proportion_ci(0.95, method="wilson")
    interval = wilson(successes, total)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))
    assert interval.value == successes / total


@pytest.mark.parametrize("total", [5, 10, 22, 44, 100])
def test_wilson_covers_the_true_rate(total: int) -> None:
    """Exact coverage, by adding up the probabilities of all outcomes whose interval holds the rate."""
    intervals = [wilson(successes, total) for successes in range(total + 1)]
    rates = np.linspace(0.02, 0.98, 97)
    inside = np.array([[interval.low <= p <= interval.high for interval in intervals] for p in rates])
    chances = stats.binom.pmf(np.arange(total + 1), total, rates[:, None])
    coverage = (inside * chances).sum(axis=1)
    assert coverage.mean() >= 0.945
    assert coverage.min() >= 0.83  # the known dips of a discrete outcome, at rates near 0 and 1
    assert np.mean([interval.high - interval.low for interval in intervals]) < 1.8 / total**0.5


def test_wilson_mirrors() -> None:
    one, other = wilson(3, 20), wilson(17, 20)
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low))


@pytest.mark.parametrize(("successes", "total"), [(-1, 5), (6, 5), (0, 0)])
def test_wilson_refuses_impossible_counts(successes: int, total: int) -> None:
    with pytest.raises(UsageError, match="successes <= total"):
        wilson(successes, total)


def test_an_interval_becomes_json() -> None:
    assert json.loads(json.dumps(Interval(0.5, 0.4, 0.6).to_json())) == {"value": 0.5, "low": 0.4, "high": 0.6}


def test_groups_of_one_item_are_no_groups() -> None:
    right = np.random.default_rng(0).random(40) < 0.8
    assert rate(right, groups=np.arange(40)) == rate(right) == wilson(int(right.sum()), 40)


def test_items_that_agree_within_groups_count_once_per_group() -> None:
    groups = np.repeat(np.arange(30), 10)
    agreeing = np.repeat(np.random.default_rng(0).random(30) < 0.7, 10)
    assert 24 < effective_size(agreeing, groups) <= 30
    assert effective_size(np.ones(300), groups) == 30
    assert effective_size(agreeing, np.zeros(300)) == 1


def test_a_grouped_rate_covers_the_truth_where_wilson_alone_does_not() -> None:
    generator = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), 15)
    covered = {True: 0, False: 0}
    for _ in range(300):
        right = generator.random(180) < np.repeat(generator.beta(4, 1, size=12), 15)
        for grouped in covered:
            interval = rate(right, groups=groups if grouped else None)
            covered[grouped] += interval.low <= 0.8 <= interval.high
    assert covered[True] / 300 >= 0.93
    assert covered[False] / 300 < 0.85


def test_the_mean_of_rates_is_not_certain_where_all_are_right() -> None:
    interval = mean_of_rates([wilson(5, 5), wilson(5, 5), wilson(5, 5)])
    assert (interval.value, interval.high) == (1.0, 1.0)
    assert 0.6 < interval.low < 0.9


def test_the_mean_of_rates_covers_the_true_mean() -> None:
    generator = np.random.default_rng(0)
    truth, sizes = np.array([0.95, 0.8]), np.array([22, 22])
    hits = generator.binomial(sizes, truth, size=(2000, 2))
    intervals = [mean_of_rates([wilson(int(k), int(n)) for k, n in zip(row, sizes, strict=True)]) for row in hits]
    assert np.mean([interval.low <= truth.mean() <= interval.high for interval in intervals]) >= 0.93


@pytest.mark.parametrize("freedom", [3, 5, 9, 30, 1000])
def test_students_quantile_equals_scipy(freedom: int) -> None:
    assert two_sided_t(0.95, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=0.01)
