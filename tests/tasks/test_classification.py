import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from headstart.backbones.card import Stage
from headstart.backbones.stages import Part, StagedBackbone
from headstart.evaluation.scorecard import score
from headstart.tasks.classification import Classification
from headstart.tasks.contract import Task


def test_it_keeps_the_contract() -> None:
    task: Task = Classification(4)
    backbone = StagedBackbone(nn.Identity(), [Part("only", (), lambda model, x, context: x)], [Stage("only", 7, "NC")])
    head = task.build_head(backbone)
    features, targets = torch.rand(5, 7), torch.tensor([0, 1, 2, 3, 0])
    outputs = head(features, targets)
    assert torch.equal(outputs, head(features))
    assert task.loss(outputs, targets).shape == ()
    assert task.decode(outputs).shape == (5, 4)


def test_the_loss_is_the_mean_negative_log_probability_of_the_right_class() -> None:
    task, logits, targets = Classification(3), torch.randn(20, 3) * 4, torch.randint(0, 3, (20,))
    probabilities = task.decode(logits)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, atol=1e-12)
    assert probabilities.dtype == np.float64
    expected = -np.log(probabilities[np.arange(20), targets.numpy()]).mean()
    assert task.loss(logits, targets).item() == pytest.approx(expected, rel=1e-5)


def test_the_held_out_loss_is_that_of_the_best_temperature_over_all_batches() -> None:
    task, logits, targets = Classification(3), torch.randn(20, 3), torch.randint(0, 3, (20,))
    logits[torch.arange(20), targets] += 1
    batches = logits.split(7), targets.split(7)
    found = task.held_out_loss(*batches)
    betas = np.geomspace(1e-2, 20, 400)
    scaled = [cross_entropy(logits * beta, targets, label_smoothing=1 / 22).item() for beta in betas]
    assert found == pytest.approx(min(scaled), rel=1e-3)
    over_confident = [9 * part for part in batches[0]]
    assert task.loss(9 * logits, targets).item() > task.loss(logits, targets).item()
    assert task.held_out_loss(over_confident, batches[1]) == pytest.approx(found, rel=1e-3)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_the_held_out_loss_of_logits_that_are_not_finite_is_nan(bad: float) -> None:
    assert math.isnan(Classification(2).held_out_loss([torch.tensor([[0.0, bad]])], [torch.tensor([0])]))


def test_a_uniform_guess_costs_the_logarithm_of_the_number_of_classes() -> None:
    assert Classification(10).loss(torch.zeros(4, 10), torch.arange(4)).item() == pytest.approx(math.log(10))


def test_probabilities_are_finite_for_huge_logits() -> None:
    assert Classification(2).decode(torch.tensor([[1e4, -1e4]])).tolist() == [[1.0, 0.0]]


def test_its_metrics_are_the_ones_that_are_measured() -> None:
    probabilities = np.full((6, 2), 0.5) + np.array([[0.1, -0.1]])
    assert set(Classification.metrics) == set(score(np.arange(6) % 2, probabilities).metrics)
