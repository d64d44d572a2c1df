import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn import metrics

from headstart.core.errors import UsageError
from headstart.metrics.multilabel import counts_by_label, label_metrics, label_summands, suited_temperature


@pytest.fixture
def sets():
    chance = np.random.default_rng(0)
    there = chance.random((60, 5)) < [0.1, 0.3, 0.5, 0.7, 0.9]
    return there, there ^ (chance.random((60, 5)) < 0.2)


def test_they_are_those_of_scikit_learn(sets):
    summands, measured = label_summands(*sets), label_metrics(5)
    sums = summands.sum(axis=0)
    assert measured.formulas["micro_f1"](sums) == pytest.approx(metrics.f1_score(*sets, average="micro"))
    assert measured.formulas["macro_f1"](sums) == pytest.approx(metrics.f1_score(*sets, average="macro"))
    assert measured.formulas["hamming_accuracy"](sums) == pytest.approx(1 - metrics.hamming_loss(*sets))
    assert measured.happened("subset_accuracy", summands).mean() == pytest.approx(metrics.accuracy_score(*sets))
    assert measured.names[0] == "micro_f1"


def test_columns_are_named_as_they_stand(sets):
    assert label_summands(*sets).shape[1] == len(label_metrics(5).columns)
    np.testing.assert_array_equal(counts_by_label(label_summands(*sets))[3, :, 2], sets[0][:, 3])


def test_the_order_of_labels_does_not_matter(sets):
    there, predicted = sets
    turned = label_summands(there[:, ::-1], predicted[:, ::-1]).sum(axis=0)
    for formula in label_metrics(5).formulas.values():
        assert formula(turned) == pytest.approx(formula(label_summands(there, predicted).sum(axis=0)))


def test_no_label_anywhere_is_no_success_of_f1():
    sums = label_summands(np.zeros((3, 2)), np.zeros((3, 2))).sum(axis=0)
    found = {name: float(formula(sums)) for name, formula in label_metrics(2).formulas.items()}
    assert found == {"micro_f1": 0.0, "macro_f1": 0.0, "hamming_accuracy": 1.0}


def test_the_temperature_is_the_best_one(sets):
    there = sets[0].astype(float)
    logits = 6 * (there - 0.5) + np.random.default_rng(1).normal(scale=4, size=there.shape)

    def loss(temperature: float) -> float:
        return metrics.log_loss(there.ravel(), 1 / (1 + np.exp(-logits.ravel() / temperature)))

    temperature, reached = suited_temperature(logits, there)
    best = minimize_scalar(loss, bounds=(0.1, 10), method="bounded")
    assert temperature == pytest.approx(best.x, rel=1e-3)
    assert reached == pytest.approx(best.fun, rel=1e-5)


def test_shapes_that_differ_are_refused():
    with pytest.raises(UsageError, match="Expected predicted labels of shape"):
        label_summands(np.zeros((3, 2)), np.zeros((3, 3)))
