import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from headstart.metrics.temperature import best_temperature, doubt_after


@pytest.mark.parametrize("doubt", [0.0, 0.03])
def test_temperature_equals_a_numerical_optimum(doubt):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 4, 400)
    logits = generator.normal(0, 3, (400, 4)).astype(np.float32)
    logits[np.arange(400), labels] += 2
    temperature, loss = best_temperature(logits, labels, doubt=doubt)

    targets = np.full((400, 4), doubt / 4)
    targets[np.arange(400), labels] += 1 - doubt

    def cross_entropy(value):
        return -(targets * np.log(softmax(logits / value, axis=1))).sum(axis=1).mean()

    oracle = minimize_scalar(cross_entropy, bounds=(0.05, 50), method="bounded")
    assert temperature == pytest.approx(oracle.x, rel=1e-2)
    assert loss == pytest.approx(oracle.fun, abs=1e-5)


@pytest.mark.parametrize("count", [3, 30, 3000])
def test_logits_that_are_always_right_are_believed_as_far_as_their_number_goes(count):
    labels = np.arange(count) % 3
    temperature, _ = best_temperature(np.eye(3, dtype=np.float32)[labels], labels, doubt=doubt_after(count))
    sure = softmax(np.eye(3)[0] / temperature)[0]
    assert 1 - sure == pytest.approx(2 / 3 / (count + 2), rel=0.02)


def test_the_loss_does_not_depend_on_how_confident_the_logits_are():
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 5, 200)
    logits = generator.normal(0, 1, (200, 5)).astype(np.float32)
    logits[np.arange(200), labels] += 1
    temperature, loss = best_temperature(logits, labels)
    sharper, same = best_temperature(3 * logits, labels)
    assert (sharper, same) == (pytest.approx(3 * temperature, rel=1e-3), pytest.approx(loss, rel=1e-5))
