import numpy as np
import pytest
from scipy import stats

from headstart.core.errors import UsageError
from headstart.evaluation.intervals import rate
from headstart.evaluation.paired import paired_difference
from headstart.evaluation.summed import compare, in_words, measured
from headstart.evaluation.verdict import verdict_on
from headstart.metrics.entity_f1 import entity_f1
from headstart.metrics.summed import SummedMetrics

METRICS = SummedMetrics(
    columns=("right", "predicted", "there", "exact"),
    leading="entity_f1",
    formulas={"entity_f1": lambda totals: entity_f1(totals[..., :3])},
    shares={"exact_match": "exact"},
)
BY_SHARE = SummedMetrics(METRICS.columns, "exact_match", METRICS.formulas, METRICS.shares)


def drawn(count: int, skill: float, seed: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    there = chance.integers(0, 4, count)
    right = chance.binomial(there, skill)
    predicted = right + chance.integers(0, 2, count)
    return np.column_stack([right, predicted, there, right == there]).astype(float)


def test_values_and_intervals_are_those_of_a_plain_bootstrap() -> None:
    summands = drawn(400, 0.6, 0)
    found = measured(summands, METRICS, seed=0)
    assert list(found) == ["entity_f1", "exact_match"]
    right, predicted, there, _ = summands.sum(axis=0)
    assert found["entity_f1"].value == pytest.approx(2 * right / (predicted + there))
    scipy = stats.bootstrap(
        (np.arange(400),),
        lambda places, axis=-1: entity_f1(summands[places][..., :3].sum(axis=-2)),
        n_resamples=2000,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(5),
    ).confidence_interval
    assert found["entity_f1"].low == pytest.approx(scipy.low, abs=0.008)
    assert found["entity_f1"].high == pytest.approx(scipy.high, abs=0.008)
    assert found["exact_match"] == rate(summands[:, 3] > 0)


def test_the_interval_of_f1_covers_the_true_value() -> None:
    population = drawn(200_000, 0.6, 1)
    right, predicted, there, _ = population.sum(axis=0)
    truth, inside = 2 * right / (predicted + there), 0
    for start in range(0, 3000, 60):
        interval = measured(population[start : start + 60], METRICS, seed=start)["entity_f1"]
        inside += interval.low <= truth <= interval.high
    assert inside >= 45


def test_groups_that_repeat_one_item_say_no_more_than_one_of_each() -> None:
    summands = drawn(30, 0.5, 2)
    repeated, groups = np.repeat(summands, 5, axis=0), np.repeat(np.arange(30), 5)
    once, grouped = measured(summands, METRICS), measured(repeated, METRICS, groups=groups)
    assert grouped["entity_f1"] == once["entity_f1"]
    assert measured(repeated, METRICS)["entity_f1"].high < once["entity_f1"].high
    alone = measured(repeated, METRICS, groups=np.zeros(150))["entity_f1"]
    assert (alone.low, alone.high) == (0, 1)


def test_what_never_varies_is_not_taken_for_certain() -> None:
    nothing = np.tile([0.0, 1.0, 1.0, 0.0], (20, 1))
    interval = measured(nothing, METRICS)["entity_f1"]
    assert (interval.value, interval.low, interval.high) == (0, 0, pytest.approx(3 / 20))
    same = compare(nothing, nothing, METRICS)
    assert (same.difference.low, same.difference.high) == (pytest.approx(-3 / 20), pytest.approx(3 / 20))


def test_two_models_are_compared_on_the_same_items() -> None:
    better, worse = drawn(500, 0.7, 3), drawn(500, 0.7, 3)
    worse[:, 0] = np.maximum(worse[:, 0] - (np.arange(500) % 10 == 0), 0)
    there, back = compare(better, worse, METRICS), compare(worse, better, METRICS)
    assert there.difference.value == pytest.approx(there.value - there.opponent_value)
    assert there.difference.low > 0
    single = measured(better, METRICS)["entity_f1"]
    assert there.difference.high - there.difference.low < 0.7 * (single.high - single.low)
    assert back.difference.value == pytest.approx(-there.difference.value)
    assert back.difference.low == pytest.approx(-there.difference.high, abs=1e-6)
    verdict = verdict_on(there, "most frequent tag")
    assert verdict.outcome == "helps"
    assert verdict.sentence.startswith("Transfer helps: entity F1 ")
    assert verdict_on(back, "most frequent tag").outcome == "hurts"


def test_the_smallest_detectable_difference_is_shown_in_four_of_five_cases() -> None:
    chance = np.random.default_rng(4)

    def pair(shift: float, count: int) -> tuple[np.ndarray, np.ndarray]:
        there = np.full(count, 5)
        other = np.column_stack([chance.binomial(there, 0.5), there, there, there]).astype(float)
        model = np.column_stack([chance.binomial(there, 0.5 + shift), there, there, there]).astype(float)
        return model, other

    detectable = compare(*pair(0.0, 200), METRICS).smallest_detectable
    shown = sum(compare(*pair(detectable, 200), METRICS, seed=case).difference.low > 0 for case in range(60))
    assert 40 <= shown <= 56


def test_a_leading_share_is_compared_in_closed_form() -> None:
    model, other = drawn(80, 0.8, 6), drawn(80, 0.5, 7)
    found = compare(model, other, BY_SHARE)
    assert found.difference == paired_difference(model[:, 3] > 0, other[:, 3] > 0)
    assert found.metric == "exact match"
    assert next(iter(measured(model, BY_SHARE))) == "exact_match"


def test_what_does_not_belong_together_is_refused() -> None:
    with pytest.raises(UsageError, match="one row of the summands right, predicted, there, exact per item"):
        measured(np.zeros((3, 2)), METRICS)
    with pytest.raises(UsageError, match="for both models"):
        compare(drawn(5, 0.5, 0), drawn(6, 0.5, 0), METRICS)


def test_names_in_sentences() -> None:
    assert in_words("f1_answerable") == "F1 answerable"
