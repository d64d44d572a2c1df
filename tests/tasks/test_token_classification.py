import math

import numpy as np
import pytest
import torch
from torch import nn

from headstart.backbones.card import Stage
from headstart.backbones.stages import Part, StagedBackbone
from headstart.tasks.classification import Classification
from headstart.tasks.contract import Task
from headstart.tasks.token_classification import TokenClassification
from headstart.tasks.token_problem import IGNORED


def test_it_keeps_the_contract() -> None:
    task: Task = TokenClassification(4)
    backbone = StagedBackbone(nn.Identity(), [Part("only", (), lambda model, x, context: x)], [Stage("only", 7, "NLC")])
    head = task.build_head(backbone)
    features, targets = torch.rand(5, 6, 7), torch.randint(0, 4, (5, 6))
    outputs = head(features, targets)
    assert outputs.shape == (5, 6, 4)
    assert task.loss(outputs, targets).shape == ()
    assert [logits.shape for logits in task.decode(outputs)] == [(6, 4)] * 5


def test_only_tokens_that_are_asked_about_count_and_padding_changes_nothing() -> None:
    task, logits, targets = TokenClassification(3), torch.randn(4, 7, 3), torch.randint(0, 3, (4, 7))
    targets[torch.rand(4, 7) < 0.5] = IGNORED
    asked = targets != IGNORED
    flat = Classification(3).loss(logits[asked], targets[asked])
    assert task.loss(logits, targets).item() == pytest.approx(flat.item(), rel=1e-5)
    longer = torch.cat([logits, torch.randn(4, 2, 3)], dim=1), torch.cat([targets, torch.full((4, 2), IGNORED)], dim=1)
    assert task.loss(*longer).item() == pytest.approx(flat.item(), rel=1e-5)
    assert task.loss(logits, torch.full((4, 7), IGNORED)).item() == 0


def test_the_held_out_loss_is_that_of_all_tokens_together() -> None:
    task, logits, targets = TokenClassification(3), torch.randn(9, 5, 3), torch.randint(0, 3, (9, 5))
    targets[:, 0] = IGNORED
    whole = Classification(3).held_out_loss([logits[:, 1:].flatten(0, 1)], [targets[:, 1:].flatten()])
    shorter = task.held_out_loss([logits[:4], logits[4:]], [targets[:4], targets[4:]])
    assert shorter == pytest.approx(whole, rel=1e-5)
    assert math.isnan(task.held_out_loss([torch.full((1, 2, 3), math.nan)], [torch.zeros(1, 2, dtype=torch.int64)]))


def test_answers_are_the_logits() -> None:
    logits = torch.randn(2, 3, 4)
    np.testing.assert_array_equal(np.stack(TokenClassification(4).decode(logits)), logits.numpy())
