"""Contrastive tuning as an objective of our own loop."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from tests.tiny import tiny_backbone, tiny_examples
from torch import nn

from headstart.backbones.card import Stage
from headstart.backbones.stages import Part, StagedBackbone
from headstart.core.progress import Silent
from headstart.training.checkpoints import TrainingWork
from headstart.training.examples import Batch
from headstart.training.inference import answers, held_out_loss
from headstart.training.loop import Loop
from headstart.training.phase import LearningRates, Phase
from headstart.training.plan import PhaseCost, PlannedPhase
from headstart.transfer import tuning
from headstart.transfer.contrastive import WithPartners
from headstart.transfer.heads import LinearHead
from headstart.transfer.objective import OBJECTIVES
from headstart.transfer.strategy import CONTRASTIVE
from headstart.transfer.tuning import network_from_probe
from headstart.transfer.tuning_plan import BoundaryCost, Sizes, TuningPlan, TuningStep, plan_tuning


class _Points:
    """Points of three classes, hidden among directions that say nothing."""

    def __init__(self, count: int, seed: int, *, ragged: bool = False) -> None:
        generator = np.random.default_rng(seed)
        self.labels = np.arange(count) % 3
        self.points = generator.normal(size=(count, 20)).astype(np.float32)
        self.points[np.arange(count), self.labels] += 2.5
        self.ragged = ragged

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows, generator):
        if self.ragged:
            inputs = torch.from_numpy(rows)[:, None].repeat(1, int(rows.max()) + 1)
            return Batch(inputs, torch.from_numpy(self.labels[rows]), len(rows), context=inputs)
        return Batch(torch.from_numpy(self.points[rows]), torch.from_numpy(self.labels[rows]), len(rows))


def _network():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 16), nn.Tanh(), nn.Linear(16, 8))
    parts = [Part("first", ("0", "1"), lambda model, hidden, context: model[1](model[0](hidden)))]
    parts += [Part("last", ("2",), lambda model, hidden, context: model[2](hidden))]
    backbone = StagedBackbone(model, parts, [Stage("first", 16, "NC"), Stage("last", 8, "NC")]).eval()
    return network_from_probe(backbone, LinearHead(np.zeros((3, 8), np.float32), np.zeros(3, np.float32), 1.0))


@pytest.mark.parametrize("boundary", ["bottom", "last"])
def test_features_come_to_tell_classes_apart_and_the_new_head_answers(boundary):
    train, validation, test = _Points(60, 0), _Points(9, 1), _Points(300, 2)
    objective = OBJECTIVES["contrastive"]()
    network = _network()
    below = network.backbone.model[0].weight.detach().clone()
    aim = objective.begin(network, classes=3, train=train, validation=validation)
    untouched = objective.end(aim.network, classes=3, train=train, seed=0)
    before = held_out_loss(aim.network, aim.task, aim.validation)
    phase = Phase(boundary, LearningRates(0.01, 0.01), epochs=20, batch_size=20, patience=20)
    Loop(aim.network, aim.task, train=train, validation=aim.validation).fit([PlannedPhase(phase, 20, 3, "float32", 0)])
    assert held_out_loss(aim.network, aim.task, aim.validation) < 0.8 * before
    network = objective.end(aim.network, classes=3, train=train, seed=0)
    task = OBJECTIVES["classification"]().begin(network, classes=3, train=train, validation=validation).task
    probabilities = np.concatenate(answers(network, task, test))
    assert (probabilities.argmax(axis=1) == test.labels).mean() > 0.8
    assert probabilities.shape == (300, 3)
    assert untouched.head.weight.shape == (3, 8)
    assert torch.equal(network.backbone.model[0].weight, below) == (boundary == "last")


def test_partners_stand_before_what_is_held_out():
    train, validation = _Points(600, 0), _Points(10, 1)
    together = WithPartners(train, validation)
    assert len(together) == 266
    labels = torch.cat(
        [together.batch(np.arange(begin, min(begin + 64, 266)), None).targets for begin in range(0, 266, 64)]
    )
    assert np.array_equal(labels[-10:], validation.labels)
    whole = together.batch(np.arange(266), None)
    assert torch.equal(whole.inputs[-10:], torch.from_numpy(validation.points))


def test_ragged_examples_of_both_kinds_are_filled_up():
    together = WithPartners(_Points(4, 0, ragged=True), _Points(9, 1, ragged=True))
    batch = together.batch(np.arange(13), None)
    assert batch.inputs.shape == (13, 9)
    assert (batch.inputs[:4, 4:] == -1).all()
    assert torch.equal(batch.context, batch.inputs)
    assert batch.size == 13


def test_learning_from_labels_leaves_the_network_as_it_is():
    network, points = _network(), _Points(6, 0)
    objective = OBJECTIVES["classification"]()
    aim = objective.begin(network, classes=3, train=points, validation=points)
    assert aim.network is network
    assert objective.end(network, classes=3, train=points, seed=0) is network


def test_a_step_of_the_plan_on_pictures_leaves_a_network_with_class_logits(tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "measure_cost", lambda *given, **named: PhaseCost("float32", 0.5, 2.0, threads=1))
    phase = Phase("middle", LearningRates(1e-2, 1e-2), epochs=3, batch_size=24, patience=3)
    step = TuningStep("contrastive", "contrastive", (phase,), "nothing", 0, 0.5, 1.0, objective="contrastive")
    backbone, probe = tiny_backbone(), LinearHead(np.zeros((3, 16), np.float32), np.zeros(3, np.float32), 1.0)
    train, validation = tiny_examples(48), tiny_examples(24, seed=1)

    def tuned():
        return tuning.tune_network(
            step,
            network_from_probe(copy.deepcopy(backbone), probe),
            train=train,
            validation=validation,
            seed=0,
            work=TrainingWork(tmp_path, lambda: False),
            progress=Silent(),
        )

    found = tuned()
    assert found.moved
    assert found.validation_probabilities.shape == (24, 3)
    weights, head = found.arrays()
    assert head["weight"].shape == (3, 16)
    assert np.array_equal(weights["stem.0.weight"], backbone.model.stem[0].weight.detach().numpy())
    assert not np.array_equal(weights["last.0.weight"], backbone.model.last[0].weight.detach().numpy())
    again = tuned()  # from the snapshot of the finished training
    assert np.array_equal(again.validation_probabilities, found.validation_probabilities)


def test_the_plan_names_the_strategy_and_passes_the_objective_on():
    cost = BoundaryCost("bottom", 0.0, 0.0, 0.01, 0)
    plan = plan_tuning(CONTRASTIVE, [cost], Sizes(16, 4, 0), budget=600.0, room_for=lambda size: True)
    (step,) = TuningPlan.from_json(plan.to_json()).steps
    assert (step.name, step.strategy, step.objective) == (
        "contrastive, all stages at 0.0001",
        "contrastive",
        "contrastive",
    )
