from pathlib import Path

import pytest
import torch
from tests.tiny import TASK, changed, state_of, tiny_examples, tiny_network

from headstart.core.progress import Silent
from headstart.training.checkpoints import TrainingWork
from headstart.training.phase import LearningRates, Phase
from headstart.training.plan import PhaseCost
from headstart.transfer.task_training import Trained, Trainer

PHASE = Phase("bottom", LearningRates(1e-2, 1e-2), epochs=8, batch_size=16, patience=8)
TRAINER = Trainer(TASK, 0, Silent())
EXAMPLES = {"train": tiny_examples(48), "validation": tiny_examples(24, seed=1)}


def work(folder: Path) -> TrainingWork:
    return TrainingWork(folder, lambda: False)


@pytest.fixture
def a_second_per_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three steps and a validation."""
    cost = PhaseCost("float32", 0.3, 0.1, threads=1)
    monkeypatch.setattr("headstart.transfer.task_training.measure_cost", lambda *given, **named: cost)


def test_all_epochs_are_done_and_the_record_says_what_they_brought(tmp_path: Path) -> None:
    network = tiny_network()
    before = state_of(network)
    found = TRAINER.train(network, [PHASE], **EXAMPLES, work=work(tmp_path))
    assert isinstance(found, Trained)
    assert found.epochs == 8
    assert found.moved
    assert changed(before, network)
    losses = [epoch.validation_loss for epoch in found.records[0].epochs]
    assert found.held_out_loss == min(losses) < losses[0]
    assert (found.planned[0].precision, found.planned[0].threads) == ("float32", 1)
    backbone, head = found.arrays()
    assert set(head) == {"weight", "bias"}
    assert backbone


def test_a_training_that_was_done_is_found_done(tmp_path: Path) -> None:
    first, second = (TRAINER.train(tiny_network(), [PHASE], **EXAMPLES, work=work(tmp_path)) for _ in range(2))
    assert [epoch.validation_loss for epoch in second.records[0].epochs] == [
        epoch.validation_loss for epoch in first.records[0].epochs
    ]
    for name, tensor in state_of(first.network).items():
        assert torch.equal(tensor, state_of(second.network)[name])


@pytest.mark.usefixtures("a_second_per_epoch")
@pytest.mark.parametrize(("budget", "epochs"), [(4.0, 0), (6.5, 6), (100.0, 8)])
def test_a_budget_buys_epochs_and_too_few_are_none(tmp_path: Path, budget: float, epochs: int) -> None:
    found = TRAINER.train_within(tiny_network(), PHASE, **EXAMPLES, work=work(tmp_path), budget=budget)
    assert found.epochs == epochs
    assert found.moved == (epochs > 0)
    assert found.planned[0].epoch_seconds == pytest.approx(1.0)
