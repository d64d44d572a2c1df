import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.metrics import log_loss as sklearn_log_loss

from headstart.evaluation.bootstrap import expanded_percentiles, metric_intervals, resampled_totals
from headstart.metrics.calibration import expected_calibration_error


def example(count: int, classes: int, *, seed: int = 0, skill: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, size=count)
    logits = generator.normal(size=(count, classes)) + skill * np.eye(classes)[labels]
    powers = np.exp(logits)
    return labels, powers / powers.sum(axis=1, keepdims=True)


def test_values_equal_scikit_learn() -> None:
    labels, probabilities = example(120, 5)
    intervals = metric_intervals(labels, probabilities, bins=5)
    predictions = probabilities.argmax(axis=1)
    expected = {
        "balanced_accuracy": balanced_accuracy_score(labels, predictions),
        "macro_f1": f1_score(labels, predictions, average="macro"),
        "log_loss": sklearn_log_loss(labels, probabilities),
        "calibration_error": expected_calibration_error(labels, probabilities, bins=5),
    }
    assert {name: interval.value for name, interval in intervals.items()} == pytest.approx(expected, rel=1e-5)


def test_intervals_equal_a_bootstrap_written_out() -> None:
    labels, probabilities = example(150, 3)
    generator = np.random.default_rng(1)
    scores = []
    for _ in range(1000):
        drawn = generator.integers(0, 150, size=150)
        y, p = labels[drawn], probabilities[drawn]
        scores.append([f1_score(y, p.argmax(1), average="macro"), sklearn_log_loss(y, p, labels=range(3))])
    expected = np.quantile(scores, [0.025, 0.975], axis=0).T
    intervals = metric_intervals(labels, probabilities, bins=5)
    for name, (low, high) in zip(("macro_f1", "log_loss"), expected, strict=True):
        interval = intervals[name]
        assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.1 * (high - low))


def test_the_seed_decides() -> None:
    labels, probabilities = example(60, 3)
    first, again, other = (metric_intervals(labels, probabilities, bins=4, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_groups_of_one_item_are_no_groups() -> None:
    labels, probabilities = example(60, 3)
    alone = metric_intervals(labels, probabilities, bins=4)
    assert metric_intervals(labels, probabilities, bins=4, groups=np.arange(60)) == alone


def test_repeating_every_item_within_its_group_adds_no_certainty() -> None:
    labels, probabilities = example(60, 3)
    once = metric_intervals(labels, probabilities, bins=4, groups=np.arange(60))
    repeated = metric_intervals(
        np.repeat(labels, 7), np.repeat(probabilities, 7, axis=0), bins=4, groups=np.repeat(np.arange(60), 7)
    )
    for name in ("balanced_accuracy", "macro_f1", "log_loss"):
        ours, theirs = repeated[name], once[name]
        assert (ours.value, ours.low, ours.high) == pytest.approx((theirs.value, theirs.low, theirs.high), rel=1e-5)


def test_a_single_group_leaves_everything_open() -> None:
    labels, probabilities = example(30, 3)
    intervals = metric_intervals(labels, probabilities, bins=4, groups=np.zeros(30))
    assert (intervals["macro_f1"].low, intervals["macro_f1"].high) == (0.0, 1.0)
    assert intervals["log_loss"].high == pytest.approx(36.04, abs=0.01)


def test_resamples_are_sums_of_as_many_rows_as_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    units = np.stack([np.ones(50), np.arange(50)], axis=1).astype(np.float32)
    whole = resampled_totals(units, seed=3, resamples=400)
    assert whole.shape == (400, 2)
    assert (whole[:, 0] == 50).all()
    assert whole[:, 1].mean() == pytest.approx(units[:, 1].sum(), rel=0.02)
    assert whole[:, 1].std() == pytest.approx(50**0.5 * units[:, 1].std(), rel=0.1)
    monkeypatch.setattr("headstart.evaluation.bootstrap._CHUNK", 300)
    np.testing.assert_array_equal(resampled_totals(units, seed=3, resamples=400), whole)


def test_few_units_reach_further_out() -> None:
    values = np.random.default_rng(0).normal(size=20_000)
    many, few = expanded_percentiles(values, units=10_000), expanded_percentiles(values, units=6)
    assert many == pytest.approx((-1.96, 1.96), abs=0.06)
    assert few[0] < -2.5
    assert few[1] > 2.5


@pytest.mark.parametrize("name", ["balanced_accuracy", "macro_f1", "log_loss"])
def test_intervals_cover_the_truth(name: str) -> None:
    truth = metric_intervals(*example(100_000, 4, seed=99), bins=10, groups=np.arange(100_000) // 1000)[name].value
    intervals = [metric_intervals(*example(80, 4, seed=seed), bins=4)[name] for seed in range(600)]
    assert np.mean([interval.low <= truth <= interval.high for interval in intervals]) >= 0.925
    assert np.mean([interval.high - interval.low for interval in intervals]) < 0.4


@pytest.mark.parametrize("sharpness", [1.0, 0.6])
def test_the_calibration_interval_covers_the_truth_in_spite_of_the_bias(sharpness: float) -> None:
    def split(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        generator = np.random.default_rng(seed)
        confidence = 0.5 + generator.beta(4, 1.2, size=count) * 0.499
        odds = (confidence / (1 - confidence)) ** sharpness
        labels = (generator.random(count) > odds / (1 + odds)).astype(np.int64)
        return labels, np.stack([confidence, 1 - confidence], axis=1)

    truth = expected_calibration_error(*split(1_000_000, seed=99), bins=15) if sharpness < 1 else 0.0
    intervals = [metric_intervals(*split(200, seed), bins=6)["calibration_error"] for seed in range(200)]
    assert np.mean([interval.low <= truth <= interval.high for interval in intervals]) >= 0.94
    assert np.mean([interval.high - interval.low for interval in intervals]) < 0.15
    assert all(0 <= interval.low <= interval.value <= interval.high <= 1 for interval in intervals)
