"""Blocks of tokens as training examples, and the network that learns from them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.tiny_language import TinyEntrance, tiny_blocks, tiny_language_network

from headstart.tasks.language_head import IGNORED
from headstart.tasks.language_model import LanguageModelling, MaskedTokens, NextToken
from headstart.training.inference import held_out_loss
from headstart.training.language_examples import LanguageExamples
from headstart.training.loop import Loop
from headstart.training.phase import LearningRates, Phase
from headstart.training.plan import PlannedPhase


def test_a_batch_is_padded_and_asks_for_no_padding():
    examples = LanguageExamples(
        [np.array([3, 4, 5], np.int32), np.array([6, 7], np.int32)], NextToken(), TinyEntrance()
    )
    for chance in (None, torch.Generator()):
        batch = examples.batch(np.array([0, 1]), chance)
        assert batch.inputs.tolist() == [[3, 4, 5] + [-1] * 5, [6, 7] + [-1] * 6]
        assert batch.targets.tolist() == [[4, 5] + [IGNORED] * 6, [7] + [IGNORED] * 7]
        assert torch.equal(batch.context, batch.inputs)


def test_without_chance_a_block_is_asked_the_same_in_whatever_batch():
    masked = MaskedTokens(mask=1, vocabulary=8, special=(0, 1))
    examples = LanguageExamples(tiny_blocks(), masked, TinyEntrance())
    together = examples.batch(np.arange(6), None)
    alone = examples.batch(np.array([4]), None)
    width = alone.targets.shape[1]
    assert torch.equal(together.targets[4, :width], alone.targets[0])
    assert torch.equal(together.inputs[4, :width], alone.inputs[0])
    other = examples.batch(np.arange(6), torch.Generator().manual_seed(1))
    assert not torch.equal(other.targets, together.targets)


@pytest.mark.parametrize("objective", [NextToken(), MaskedTokens(mask=1, vocabulary=8, special=(0, 1))])
def test_the_loop_learns_what_can_be_learned(objective):
    network, task = tiny_language_network(objective.name), LanguageModelling(objective.name)
    train, validation = (
        LanguageExamples(tiny_blocks()[part], objective, TinyEntrance()) for part in (slice(48), slice(48, 64))
    )
    before = held_out_loss(network, task, validation)
    phase = Phase("bottom", LearningRates(0.02, 0.02), epochs=12, batch_size=8, patience=12)
    (record,) = Loop(network, task, train=train, validation=validation).fit(
        [PlannedPhase(phase, 12, 6, "float32", 0.0)]
    )
    after = held_out_loss(network, task, validation)
    assert after == pytest.approx(min(epoch.validation_loss for epoch in record.epochs), rel=1e-4)
    assert after < 0.7 * before
    if objective.name == "next token":
        assert after < 0.1


def test_with_a_boundary_above_the_embeddings_they_rest_and_the_head_is_still_tied():
    network = tiny_language_network()
    before = network.backbone.model.embed.weight.detach().clone()
    examples = LanguageExamples(tiny_blocks(16), NextToken(), TinyEntrance())
    for boundary in ("layer", "top"):
        phase = Phase(boundary, LearningRates(0.01, 0.01), epochs=1, batch_size=8, patience=1)
        if boundary == "top":
            network.place_boundary(phase)
            assert network.boundary == network.tokens_end
        else:
            Loop(network, LanguageModelling("next token"), train=examples, validation=examples).fit(
                [PlannedPhase(phase, 1, 2, "float32", 0.0)]
            )
    assert torch.equal(network.backbone.model.embed.weight, before)
    assert network.head.matrix is network.backbone.model.embed.weight


def test_context_is_shown_and_not_asked_for():
    block = np.array([1, 3, 4, 5, 6], np.int32)
    batch = LanguageExamples([block], NextToken(), TinyEntrance(), judged_from=[3]).batch(np.array([0]), None)
    assert batch.inputs[0, :5].tolist() == block.tolist()
    assert batch.targets[0, :5].tolist() == [IGNORED, IGNORED, 5, 6, IGNORED]
    masked = MaskedTokens(mask=1, vocabulary=8, special=(0, 1))
    blocks = [np.full(40, 5, np.int32)]
    batch = LanguageExamples(blocks, masked, TinyEntrance(), judged_from=[30]).batch(np.array([0]), None)
    assert (batch.targets[0, :30] == IGNORED).all()
