import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, pad

from headstart.backbones.card import Stage
from headstart.backbones.stages import Part, StagedBackbone
from headstart.tasks.contract import Task
from headstart.tasks.question_answering import QuestionAnswering
from headstart.tasks.span_answering import ENDS, STARTS
from headstart.tasks.token_problem import IGNORED


def wanted(length: int, first: int, last: int, outside: tuple[int, ...] = ()) -> torch.Tensor:
    targets = torch.zeros(length, dtype=torch.int64)
    targets[list(outside)] = IGNORED
    targets[first] += STARTS
    targets[last] += ENDS
    return targets


TARGETS = torch.stack([wanted(8, 3, 5, (1, 7)), wanted(8, 0, 0, (1, 2)), wanted(8, 6, 6, (7,))])


def test_it_keeps_the_contract() -> None:
    task: Task = QuestionAnswering()
    backbone = StagedBackbone(nn.Identity(), [Part("only", (), lambda model, x, context: x)], [Stage("only", 7, "NLC")])
    outputs = task.build_head(backbone)(torch.rand(3, 8, 7), TARGETS)
    assert outputs.shape == (3, 8, 2)
    assert task.loss(outputs, TARGETS).shape == ()
    assert [logits.shape for logits in task.decode(outputs)] == [(8, 2)] * 3


def test_the_loss_is_that_of_the_beginning_and_the_end_among_the_places_that_are_asked() -> None:
    logits = torch.randn(3, 8, 2)
    by_hand = []
    for row, first, last in ((0, 3, 5), (1, 0, 0), (2, 6, 6)):
        places = [place for place in range(8) if TARGETS[row, place] != IGNORED]
        for kind, at in ((0, first), (1, last)):
            by_hand.append(cross_entropy(logits[row, places, kind], torch.tensor(places.index(at))).item())
    assert QuestionAnswering().loss(logits, TARGETS).item() == pytest.approx(sum(by_hand) / 6, rel=1e-5)


def test_padding_changes_nothing_and_a_uniform_guess_costs_the_logarithm_of_the_places() -> None:
    task, logits = QuestionAnswering(), torch.randn(3, 8, 2)
    longer = torch.cat([logits, torch.randn(3, 4, 2)], dim=1), pad(TARGETS, (0, 4), value=IGNORED)
    assert task.loss(*longer).item() == pytest.approx(task.loss(logits, TARGETS).item(), rel=1e-5)
    expected = (math.log(6) + math.log(6) + math.log(7)) / 3
    assert task.loss(torch.zeros(3, 8, 2), TARGETS).item() == pytest.approx(expected, rel=1e-5)


def test_the_held_out_loss_is_that_of_the_best_temperature() -> None:
    task, logits = QuestionAnswering(), torch.randn(3, 8, 2)
    split = task.held_out_loss([logits[:2, :6], logits[2:]], [wanted_part(TARGETS[:2]), TARGETS[2:]])
    cut = torch.cat([pad(logits[:2, :6], (0, 0, 0, 2)), logits[2:]])
    targets = torch.cat([pad(wanted_part(TARGETS[:2]), (0, 2), value=IGNORED), TARGETS[2:]])
    tried = [task.loss(beta * cut, targets).item() for beta in torch.logspace(-2.9, 1.3, 300).tolist()]
    assert split == pytest.approx(min(tried), rel=1e-3)
    assert math.isnan(task.held_out_loss([torch.full((1, 8, 2), math.inf)], [TARGETS[:1]]))


def wanted_part(targets: torch.Tensor) -> torch.Tensor:
    return targets[:, :6]
