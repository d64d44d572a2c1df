import dataclasses
import json

import pytest

from headstart.training.phase import Phase
from headstart.training.plan import PhaseCost, PlannedPhase, plan_phase, steps_per_epoch


def test_the_budget_decides_the_epochs(phase: Phase) -> None:
    long = dataclasses.replace(phase, epochs=100)
    cost = PhaseCost("bfloat16", step_seconds=0.2, validation_seconds=0.4, threads=1, layout="contiguous")
    planned = plan_phase(long, cost, examples=48, budget=10.0)
    assert (planned.epochs, planned.steps_per_epoch, planned.steps) == (10, 3, 30)
    assert planned.epoch_seconds == pytest.approx(1.0)
    assert (planned.precision, planned.layout, planned.threads) == ("bfloat16", "contiguous", 1)


def test_no_more_epochs_than_the_phase_asks_for_and_none_where_none_fits(phase: Phase) -> None:
    cost = PhaseCost("float32", 0.2, 0.4)
    assert plan_phase(phase, cost, examples=48, budget=1e6).epochs == phase.epochs
    assert plan_phase(phase, cost, examples=48, budget=0.9).epochs == 0


@pytest.mark.parametrize(("examples", "steps"), [(1, 1), (16, 1), (17, 2), (160, 10)])
def test_no_batch_is_larger_than_the_phase_says(examples: int, steps: int, phase: Phase) -> None:
    assert steps_per_epoch(phase, examples) == steps


def test_a_plan_is_plain_json(phase: Phase) -> None:
    planned = plan_phase(phase, PhaseCost("float32", 0.2, 0.4), examples=48, budget=2.0)
    values = json.loads(json.dumps(planned.to_json()))
    assert PlannedPhase.from_json(values) == planned
    assert values["epochs"] == 2
    assert values["phase"]["learning_rates"] == {"head": 0.01, "backbone": 0.01, "decay": 1.0}
