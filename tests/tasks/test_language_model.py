"""Language modelling as a task."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch import nn

from headstart.backbones.card import Stage
from headstart.backbones.conversion import state_arrays
from headstart.backbones.stages import Part, StagedBackbone
from headstart.core.errors import UsageError
from headstart.tasks.language_head import IGNORED, LanguageHead
from headstart.tasks.language_model import LanguageModelling, MaskedTokens, NextToken


class _Model(nn.Module):
    def __init__(self, vocabulary: int = 11, size: int = 6) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, size)

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embed


def _backbone() -> StagedBackbone:
    torch.manual_seed(0)
    part = Part("embed", ("embed",), lambda model, hidden, context: model.embed(hidden.clamp_min(0)))
    return StagedBackbone(_Model(), [part], [Stage("embed", 6, "NLC")])


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_the_next_token_is_asked_for_everywhere_but_at_the_end():
    tokens = torch.tensor([[3, 4, 5, 6], [7, 8, -1, -1]])
    shown, asked = NextToken().ask(tokens, _generator())
    assert torch.equal(shown, tokens)
    assert asked.tolist() == [[4, 5, 6, IGNORED], [8, IGNORED, IGNORED, IGNORED]]


def test_masking_hides_replaces_and_leaves_as_bert_does():
    masked = MaskedTokens(mask=4, vocabulary=1000, special=(1, 2, 4))
    tokens = torch.randint(5, 1000, (400, 120), generator=_generator(1))
    tokens[:, 0], tokens[:, 100], tokens[:, 101:] = 1, 2, -1
    shown, asked = masked.ask(tokens, _generator())
    wanted = asked != IGNORED
    assert (wanted.sum(dim=1) == round(0.15 * 99)).all()
    assert torch.equal(asked[wanted], tokens[wanted])
    assert torch.equal(shown[~wanted], tokens[~wanted])
    assert not wanted[tokens < 5].any()
    assert (shown[wanted] == 4).float().mean() == pytest.approx(0.8, abs=0.02)
    assert (shown[wanted] == tokens[wanted]).float().mean() == pytest.approx(0.1, abs=0.02)
    assert not torch.equal(masked.ask(tokens, _generator(2))[0], shown)
    assert torch.equal(masked.ask(tokens, _generator())[0], shown)


def test_of_the_shortest_text_one_token_is_asked_for_and_of_none_none():
    masked = MaskedTokens(mask=4, vocabulary=10, special=(1, 2))
    _, asked = masked.ask(torch.tensor([[1, 7, 2], [1, 2, -1]]), _generator())
    assert asked.tolist() == [[IGNORED, 7, IGNORED], [IGNORED] * 3]


@pytest.mark.parametrize("objective", ["next token", "masked"])
def test_losses_are_those_of_all_logits(objective):
    task, backbone = LanguageModelling(objective), _backbone()
    head = task.build_head(backbone)
    states, targets = torch.randn(3, 5, 6), torch.randint(0, 11, (3, 5))
    targets[0, 2:], targets[2] = IGNORED, IGNORED
    reference = nn.functional.cross_entropy(head(states).flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
    outputs = head(states, targets)
    assert task.loss(outputs, targets).item() == pytest.approx(reference.item(), rel=1e-5)
    in_parts = task.held_out_loss([outputs[:1], outputs[1:]], [targets[:1], targets[1:]])
    assert in_parts == pytest.approx(reference.item(), rel=1e-5)


def test_a_uniform_guess_costs_the_logarithm_of_the_vocabulary():
    backbone = _backbone()
    with torch.no_grad():
        backbone.model.embed.weight.zero_()
    task = LanguageModelling("next token")
    targets = torch.randint(0, 11, (2, 4))
    assert task.loss(task.build_head(backbone)(torch.randn(2, 4, 6), targets), targets).item() == pytest.approx(
        math.log(11), rel=1e-6
    )


def test_tied_embeddings_belong_to_the_backbone_alone_and_learn_from_both_ends():
    backbone = _backbone()
    head = LanguageModelling("masked").build_head(backbone)
    assert {name for name, _ in head.named_parameters()} == {
        "bias", "transform.0.weight", "transform.0.bias", "transform.2.weight", "transform.2.bias"
    }  # fmt: skip
    head(torch.randn(1, 3, 6), torch.tensor([[1, 2, 3]])).sum().backward()
    assert backbone.model.embed.weight.grad is not None
    both = copy.deepcopy(nn.ModuleList([backbone, head]))
    assert both[1].matrix is both[0].model.embed.weight


def test_a_head_comes_back_from_its_arrays():
    backbone = _backbone()
    head = LanguageHead.new(backbone, transformed=True)
    nn.init.normal_(head.bias)
    states = torch.randn(2, 3, 6)
    again = LanguageHead.from_arrays(backbone, state_arrays(head))
    assert torch.equal(again(states), head(states))
    own = LanguageHead(backbone, output=torch.randn(11, 6))
    assert torch.equal(LanguageHead.from_arrays(backbone, state_arrays(own))(states), own(states))
    assert LanguageModelling("masked").decode(own(states)).shape == (2, 3)


def test_a_head_of_another_model_is_refused():
    with pytest.raises(UsageError, match="fits"):
        LanguageHead.from_arrays(_backbone(), {"output": np.zeros((11, 7), np.float32)})


def test_a_backbone_without_embeddings_is_refused():
    backbone = _backbone()
    backbone.model = nn.Linear(2, 2)
    with pytest.raises(UsageError, match="embeds tokens"):
        LanguageHead.new(backbone, transformed=False)
