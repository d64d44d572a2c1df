import math

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from tests.tiny import tiny_backbone

from headstart.tasks.multilabel import MultilabelClassification


@pytest.fixture
def batch():
    chance = np.random.default_rng(0)
    return chance.normal(size=(20, 3)).astype(np.float32), (chance.random((20, 3)) < 0.4).astype(np.float32)


def test_the_loss_is_the_log_loss_per_label(batch):
    logits, there = batch
    expected = log_loss(there.ravel(), 1 / (1 + np.exp(-logits.ravel().astype(float))))
    found = MultilabelClassification(3).loss(*map(torch.from_numpy, batch))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_overconfidence_does_not_count_on_held_out_examples(batch):
    logits, there = map(torch.from_numpy, batch)
    task = MultilabelClassification(3)
    once, thrice = (task.held_out_loss([factor * logits], [there]) for factor in (1, 3))
    assert once == pytest.approx(thrice, rel=1e-3)
    assert task.held_out_loss(logits.split(7), there.split(7)) == pytest.approx(once)
    assert math.isnan(task.held_out_loss([logits * math.inf], [there]))


def test_the_head_fits_the_backbone_and_its_logits_are_the_answer():
    task = MultilabelClassification(3)
    outputs = task.build_head(tiny_backbone())(torch.ones(2, 16))
    np.testing.assert_array_equal(task.decode(outputs), outputs.detach().numpy())
