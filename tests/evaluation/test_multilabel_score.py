import numpy as np
import pytest
from sklearn import metrics

from headstart.evaluation.multilabel_score import label_records, multilabel_score
from headstart.metrics.multilabel import label_summands


@pytest.fixture
def answers():
    chance = np.random.default_rng(0)
    there = chance.random((120, 4)) < [0.1, 0.3, 0.5, 0.8]
    return there.astype(np.float32), 1 / (1 + np.exp(-(3 * there - 1.5 + 1.5 * chance.normal(size=there.shape))))


def test_every_metric_is_that_of_scikit_learn_inside_its_interval(answers):
    there, probabilities = answers
    given = probabilities >= 0.5
    expected = {
        "micro_f1": metrics.f1_score(there, given, average="micro"),
        "subset_accuracy": metrics.accuracy_score(there, given),
        "macro_f1": metrics.f1_score(there, given, average="macro"),
        "hamming_accuracy": 1 - metrics.hamming_loss(there, given),
        "mean_average_precision": metrics.average_precision_score(there, probabilities, average="macro"),
    }
    score = multilabel_score(there, probabilities)
    assert next(iter(score.metrics)) == "micro_f1"
    assert {name: found.value for name, found in score.metrics.items()} == pytest.approx(expected)
    assert all(found.low < found.value < found.high for found in score.metrics.values())


def test_the_interval_of_the_ranking_is_that_of_a_bootstrap_by_hand(answers):
    chance = np.random.default_rng(5)
    drawn = [
        metrics.average_precision_score(answers[0][rows], answers[1][rows], average="macro")
        for rows in chance.integers(0, 120, (1000, 120))
    ]
    found = multilabel_score(*answers).metrics["mean_average_precision"]
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.02)


def test_a_perfect_model_is_not_certain_and_a_single_group_says_nothing_of_others(answers):
    there = answers[0]
    perfect = multilabel_score(there, there)
    assert all(found.value == 1 and found.low < 1 for found in perfect.metrics.values())
    alone = multilabel_score(*answers, groups=np.zeros(120)).metrics["mean_average_precision"]
    assert (alone.low, alone.high) == (0, 1)


def test_each_label_has_its_own_figures(answers):
    there, given = answers[0], answers[1] >= 0.5
    records = label_records(label_summands(there, given), ("a", "b", "c", "d"))
    precision, recall, f1, support = metrics.precision_recall_fscore_support(there, given)
    assert [record["class"] for record in records] == ["a", "b", "c", "d"]
    assert [record["support"] for record in records] == support.tolist()
    assert [record["precision"]["value"] for record in records] == pytest.approx(precision.tolist())
    assert [record["recall"]["value"] for record in records] == pytest.approx(recall.tolist())
    assert [record["f1"] for record in records] == pytest.approx(f1.tolist())


def test_what_is_undefined_is_left_out():
    (record,) = label_records(label_summands(np.zeros((5, 1)), np.zeros((5, 1))), ("a",))
    assert record == {"class": "a", "support": 0, "precision": None, "recall": None, "f1": None}
