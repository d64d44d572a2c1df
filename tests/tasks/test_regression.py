import math

import numpy as np
import torch
from sklearn.metrics import mean_squared_error
from tests.tiny import tiny_backbone

from headstart.tasks.regression import NumberRegression


def test_the_loss_is_the_mean_squared_error():
    chance = np.random.default_rng(0)
    outputs, targets = chance.normal(size=(2, 10, 1)).astype(np.float32)
    task = NumberRegression()
    expected = mean_squared_error(targets, outputs)
    assert math.isclose(task.loss(torch.from_numpy(outputs), torch.from_numpy(targets)), expected, rel_tol=1e-5)
    halves = [torch.from_numpy(values).split([3, 7]) for values in (outputs, targets)]
    assert math.isclose(task.held_out_loss(*halves), expected, rel_tol=1e-5)


def test_what_is_not_finite_is_said_to_be_so():
    bad = torch.tensor([[math.inf]])
    assert math.isnan(NumberRegression().held_out_loss([bad], [torch.zeros(1, 1)]))


def test_the_head_fits_the_backbone_and_its_numbers_are_the_answer():
    head = NumberRegression(2).build_head(tiny_backbone())
    outputs = head(torch.ones(3, 16))
    np.testing.assert_array_equal(NumberRegression(2).decode(outputs), outputs.detach().numpy())
