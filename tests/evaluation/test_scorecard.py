import json

import numpy as np
import pytest

from headstart.core.errors import UsageError
from headstart.evaluation.intervals import wilson
from headstart.evaluation.scorecard import score
from headstart.metrics.calibration import expected_calibration_error

METRICS = ["accuracy", "balanced_accuracy", "macro_f1", "log_loss", "calibration_error"]


def example(count: int, classes: int, *, seed: int = 0, skill: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, size=count)
    powers = np.exp(generator.normal(size=(count, classes)) + skill * np.eye(classes)[labels])
    return labels, powers / powers.sum(axis=1, keepdims=True)


def test_a_scorecard_holds_the_five_metrics_and_survives_json() -> None:
    labels, probabilities = example(100, 4)
    card = score(labels, probabilities)
    right = int((probabilities.argmax(axis=1) == labels).sum())
    assert list(card.metrics) == METRICS
    assert card.metrics["accuracy"] == wilson(right, 100)
    assert card.confusion.sum() == sum(entry.support for entry in card.per_class) == 100
    assert sum(entry.count for entry in card.reliability) == 100
    values = json.loads(json.dumps(card.to_json(), allow_nan=False))
    assert values["metrics"]["macro_f1"]["low"] < values["metrics"]["macro_f1"]["high"]


def test_the_bins_that_are_shown_are_those_of_the_error() -> None:
    labels, probabilities = example(100, 4)
    card = score(labels, probabilities)
    shown = sum(entry.count * abs(entry.accuracy - entry.confidence) for entry in card.reliability) / 100
    assert card.metrics["calibration_error"].value == pytest.approx(shown, rel=1e-5)
    assert shown == pytest.approx(expected_calibration_error(labels, probabilities, bins=5))


def test_absent_and_never_predicted_classes_are_null_and_count_in_no_mean() -> None:
    labels = np.array([0, 0, 1, 1, 2])
    probabilities = np.eye(5)[[0, 0, 1, 0, 3]]
    card = score(labels, probabilities)
    absent, missed, never = card.per_class[3], card.per_class[2], card.per_class[4]
    assert (absent.support, absent.recall, absent.f1) == (0, None, None)
    assert absent.precision == wilson(0, 1)
    assert (missed.precision, missed.recall, missed.f1) == (None, wilson(0, 1), 0.0)
    assert (never.precision, never.recall, never.f1) == (None, None, None)
    assert card.metrics["balanced_accuracy"].value == pytest.approx((1 + 0.5 + 0) / 3)
    json.dumps(card.to_json(), allow_nan=False)


@pytest.mark.parametrize("hit", [True, False])
def test_all_right_or_all_wrong_is_not_certain(hit: bool) -> None:
    labels = np.arange(44) % 2
    card = score(labels, np.eye(2)[labels if hit else 1 - labels])
    for name in ("accuracy", "balanced_accuracy", "macro_f1"):
        interval = card.metrics[name]
        assert interval.value == float(hit)
        assert 0.07 < interval.high - interval.low < 0.12


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "macro_f1"])
def test_intervals_of_a_nearly_perfect_model_cover_the_truth(name: str) -> None:
    truth = score(*example(100_000, 4, seed=99, skill=3.5), groups=np.arange(100_000) // 1000).metrics[name].value
    assert truth > 0.97
    intervals = [score(*example(44, 4, seed=seed, skill=3.5)).metrics[name] for seed in range(200)]
    assert np.mean([interval.low <= truth <= interval.high for interval in intervals]) >= 0.93


def test_groups_widen_the_accuracy_of_items_that_agree() -> None:
    labels, probabilities = example(20, 2)
    labels, probabilities = np.repeat(labels, 5), np.repeat(probabilities, 5, axis=0)
    alone = score(labels, probabilities).metrics
    grouped = score(labels, probabilities, groups=np.repeat(np.arange(20), 5)).metrics
    for name in METRICS[:4]:
        assert grouped[name].value == pytest.approx(alone[name].value)
        assert grouped[name].high - grouped[name].low > 1.5 * (alone[name].high - alone[name].low)


def test_the_names_of_groups_do_not_matter() -> None:
    labels, probabilities = example(60, 3)
    numbers = np.arange(60) // 4
    named = np.array([f"g{number:02d}" for number in numbers])
    one, other = (score(labels, probabilities, groups=groups).to_json() for groups in (numbers, named))
    assert one == other


def test_one_item_is_enough() -> None:
    json.dumps(score(np.array([1]), np.array([[0.2, 0.8]])).to_json(), allow_nan=False)


def test_logits_are_refused() -> None:
    with pytest.raises(UsageError, match="softmax"):
        score(np.array([0, 1]), np.array([[3.0, -1.0], [0.0, 4.0]]))
