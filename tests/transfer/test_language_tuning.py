"""Training a language model within a budget, and taking it up again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.tiny_language import TinyEntrance, tiny_blocks, tiny_language_network

from headstart.core.progress import Silent
from headstart.tasks.language_model import LanguageModelling, MaskedTokens, NextToken
from headstart.training.checkpoints import TrainingWork
from headstart.training.language_examples import LanguageExamples
from headstart.training.plan import PhaseCost
from headstart.training.token_network import TokenNetwork
from headstart.transfer import language_tuning
from headstart.transfer.language_tuning import (
    LanguagePlan,
    LanguageTraining,
    head_phase,
    scratch_phase,
    token_losses,
    train_language_model,
    tuning_phase,
)

_TASK = LanguageModelling("masked")
_MASKED = MaskedTokens(mask=1, vocabulary=8, special=(0, 1))


class _After:
    """Asks to stop after so many steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.fixture(autouse=True)
def quick_steps(monkeypatch):
    """A plan that does not hang on how busy the machine is."""
    cost = PhaseCost("float32", step_seconds=0.005, validation_seconds=0.002)
    monkeypatch.setattr(language_tuning, "measure_cost", lambda *_, **__: cost)


def _ask(blocks: list[np.ndarray]) -> LanguageExamples:
    return LanguageExamples(blocks, _MASKED, TinyEntrance())


def _train(
    folder: Path, *, budget: float = 0.6, stop: object = lambda: False, blocks: int = 64
) -> tuple[TokenNetwork, LanguageTraining]:
    folder.mkdir(exist_ok=True)
    network = tiny_language_network("masked")
    training = train_language_model(
        network,
        _TASK,
        [head_phase(16), tuning_phase(16)],
        blocks=tiny_blocks(blocks),
        validation=_ask(tiny_blocks(8)),
        ask=_ask,
        budget=budget,
        seed=0,
        work=TrainingWork(folder, stop),
        progress=Silent(),
    )
    return network, training


def test_the_plan_is_stored_and_followed_and_the_network_learns(tmp_path):
    before = token_losses(tiny_language_network("masked"), _ask(tiny_blocks(8))).mean()
    network, training = _train(tmp_path / "work")
    assert token_losses(network, _ask(tiny_blocks(8))).mean() < before
    stored = LanguagePlan.from_json(json.loads((tmp_path / "work" / "plan.json").read_text()))
    assert stored == training.plan
    assert [phase.phase.boundary for phase in stored.phases] == ["top", "bottom"]
    assert training.facts()["blocks"] == 64
    assert training.seconds > 0


def test_a_training_that_was_stopped_goes_on_to_the_same_end(tmp_path):
    whole, _ = _train(tmp_path / "whole")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "plan.json").write_bytes((tmp_path / "whole" / "plan.json").read_bytes())
    _, stopped = _train(tmp_path / "parts", stop=_After(7))
    assert stopped.records[-1].ending == "interrupted"
    resumed, training = _train(tmp_path / "parts")
    assert training.records[-1].ending != "interrupted"
    for name, tensor in whole.state_dict().items():
        assert torch.equal(resumed.state_dict()[name], tensor), name


def test_where_the_budget_buys_no_epoch_some_blocks_are_learned_from(tmp_path, monkeypatch):
    slow = PhaseCost("float32", step_seconds=0.25, validation_seconds=0.01)
    monkeypatch.setattr(language_tuning, "measure_cost", lambda *_, **__: slow)
    _, training = _train(tmp_path / "work", budget=2.0, blocks=640)
    assert training.plan.blocks == 48
    assert training.plan.phases[-1].epochs == 1


def test_wider_networks_train_more_slowly_and_random_ones_faster():
    assert tuning_phase(64).learning_rates.backbone == pytest.approx(2 * tuning_phase(128).learning_rates.backbone)
    assert scratch_phase(64).learning_rates.backbone > tuning_phase(64).learning_rates.backbone


def test_losses_come_in_the_order_of_the_text():
    network, blocks = tiny_language_network(), tiny_blocks(40)

    def losses(some: list[np.ndarray]) -> np.ndarray:
        return token_losses(network, LanguageExamples(some, NextToken(), TinyEntrance()))

    together = losses(blocks)
    assert together == pytest.approx(np.concatenate([losses([block]) for block in blocks]), abs=1e-5)
    assert len(together) == sum(len(block) - 1 for block in blocks)
