"""One training of the plan, on the tiny backbone: it begins as the probe and leaves what a run needs."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.tiny import state_of, tiny_backbone, tiny_examples

from headstart.core.progress import Silent
from headstart.training.checkpoints import TrainingWork
from headstart.training.phase import LearningRates, Phase
from headstart.training.plan import PhaseCost
from headstart.transfer import tuning
from headstart.transfer.heads import LinearHead
from headstart.transfer.tuning import Tuned, network_from_probe, tune_network
from headstart.transfer.tuning_plan import TuningStep

RANDOM = np.random.default_rng(0)
PROBE = LinearHead(
    RANDOM.normal(size=(3, 16)).astype(np.float32), RANDOM.normal(size=3).astype(np.float32), temperature=2.5
)
PHASE = Phase("middle", LearningRates(head=1e-2, backbone=1e-2), epochs=3, batch_size=24, patience=3)
STEP = TuningStep("from middle at 0.01", "partial", (PHASE,), "computed each time", 0, 0.5, predicted_seconds=1.0)


@pytest.fixture(autouse=True)
def fixed_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "measure_cost", lambda *given, **named: PhaseCost("float32", 0.5, 2.0, threads=1))


def never() -> bool:
    return False


def tuned(folder: Path, step: TuningStep = STEP, *, stop_after: int | None = None) -> Tuned:
    asked = iter(range(10_000))
    work = TrainingWork(folder, never if stop_after is None else lambda: next(asked) >= stop_after, training=step.name)
    return tune_network(
        step,
        network_from_probe(tiny_backbone(), PROBE),
        train=tiny_examples(48),
        validation=tiny_examples(24, seed=1),
        seed=0,
        work=work,
        progress=Silent(),
    )


def test_training_begins_with_the_answers_of_the_probe() -> None:
    backbone = tiny_backbone()
    network = network_from_probe(backbone, PROBE).eval()
    pictures = torch.rand(7, 3, 8, 8)
    with torch.no_grad():
        features = backbone.eval()(pictures).numpy()
        answers = network(pictures).softmax(dim=1).numpy()
    logits = (features @ PROBE.weight.T + PROBE.bias) / 2.5
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answers, expected, atol=1e-6)


def test_a_step_leaves_its_record_and_the_answers_of_its_best_epoch(tmp_path: Path) -> None:
    found = tuned(tmp_path)
    (record,) = found.records
    losses = [epoch.validation_loss for epoch in record.epochs]
    assert (found.status, found.moved, found.reason) == ("ok", True, record.reason)
    assert record.best == losses.index(min(losses))
    examples = tiny_examples(24, seed=1)
    with torch.no_grad():
        outputs = found.network.eval()(examples.batch(np.arange(24), None).inputs)
    np.testing.assert_allclose(found.validation_probabilities, outputs.softmax(dim=1).numpy(), atol=1e-6)
    weights, head = found.arrays()
    state = state_of(found.network)
    assert head.keys() == {"weight", "bias"}
    assert {f"backbone.model.{name}" for name in weights} | {f"head.{name}" for name in head} == state.keys()


def test_facts_say_what_was_frozen_and_are_json(tmp_path: Path) -> None:
    found = tuned(tmp_path)
    facts = json.loads(json.dumps(found.facts()))
    assert (facts["boundary"], facts["frozen"]["stages"]) == ("middle", ["stem"])
    assert facts["frozen"]["sha256"] == found.records[0].frozen.sha256
    assert [planned["epochs"] for planned in facts["phases"]] == [3]


def test_the_plan_is_stored_before_it_is_followed_and_then_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tuned(tmp_path, stop_after=1)
    assert first.status == "interrupted"
    stored = json.loads((tmp_path / "plan.json").read_bytes())
    assert [planned["epoch_seconds"] for planned in stored] == [2 * 0.5 + 2.0]  # two steps and a validation

    def measured_again(*given: object, **named: object) -> PhaseCost:
        raise AssertionError("the stored plan was not followed")

    monkeypatch.setattr(tuning, "measure_cost", measured_again)
    again = tuned(tmp_path)
    assert again.planned == first.planned
    monkeypatch.undo()
    monkeypatch.setattr(tuning, "measure_cost", lambda *given, **named: PhaseCost("float32", 0.5, 2.0, threads=1))
    whole = tuned(tmp_path / "whole")
    np.testing.assert_array_equal(again.validation_probabilities, whole.validation_probabilities)


def test_a_step_that_was_stopped_before_its_first_epoch_has_not_moved(tmp_path: Path) -> None:
    found = tuned(tmp_path, stop_after=0)
    assert (found.status, found.moved) == ("interrupted", False)


def test_something_not_finite_is_a_failure_and_the_probe_is_what_is_left(tmp_path: Path) -> None:
    wild = dataclasses.replace(PHASE, learning_rates=LearningRates(head=1e38, backbone=1e38))
    found = tuned(tmp_path, dataclasses.replace(STEP, phases=(wild,)))
    assert found.status == "failed"
    assert np.isfinite(found.validation_probabilities).all()
