"""The tuning part of a run is read strictly, and says when each step ended."""

import json
from pathlib import Path
from typing import Any

import pytest

from headstart.artifacts.report.decode import decode
from headstart.artifacts.report.record import Evidence, read_run
from headstart.artifacts.report.tuning_record import DecisionRecord, LearningCurve, StageChangeRecord
from headstart.core.errors import RunFolderError

EXAMPLE = Path(__file__).parent / "example_runs" / "house_numbers"


@pytest.fixture
def decision() -> dict[str, Any]:
    return json.loads((EXAMPLE / "metrics.json").read_text())["decision"]


def test_the_plan_is_read_whole(decision: dict[str, Any]) -> None:
    record = decode(DecisionRecord, decision, "decision")
    assert [step.name for step in record.steps] == [step["name"] for step in decision["steps"]]
    assert record.over_probe is not None and record.over_probe.low == decision["over_probe"]["low"]
    assert record.invariances[1].admitted
    assert record.chosen_step is record.steps[4]
    assert record.chosen_step.frozen is not None and record.chosen_step.frozen.stages[-1] == "blocks.2"


def test_time_adds_up_step_by_step_and_a_step_that_was_not_run_takes_none(decision: dict[str, Any]) -> None:
    record = decode(DecisionRecord, decision, "decision")
    taken = [step["seconds"] or 0 for step in decision["steps"]]
    assert record.spent == pytest.approx([sum(taken[: end + 1]) for end in range(len(taken))])
    assert record.spent[-1] == record.spent[-2]


def test_where_the_probe_was_chosen_there_is_no_chosen_step(decision: dict[str, Any]) -> None:
    changed = {**decision, "chosen": "linear probe", "over_probe": None}
    assert decode(DecisionRecord, changed, "decision").chosen_step is None


@pytest.mark.parametrize(
    ("key", "value"), [("status", "fine"), ("below", "guessed"), ("learning_rate", "0.1"), ("boundary", None)]
)
def test_a_wrong_value_in_a_step_is_named(decision: dict[str, Any], key: str, value: object) -> None:
    decision["steps"][2][key] = value
    with pytest.raises(RunFolderError, match=rf"steps\[2\]: {key}: expected"):
        decode(DecisionRecord, decision, "decision")


def test_an_epoch_that_was_never_trained_cannot_be_the_kept_one() -> None:
    curve = {"name": "a", "kept": 3, "epochs": [{"train_loss": 1.0, "validation_loss": None}] * 2}
    with pytest.raises(RunFolderError, match="kept: expected an epoch from 1 to 2, but got 3"):
        decode(Evidence, {"curves": [curve]}, "evidence.json")
    assert decode(LearningCurve, {**curve, "kept": 2}, "curve").epochs[1].validation_loss is None


def test_a_stage_is_frozen_only_if_it_did_not_move() -> None:
    frozen, without_weights, moved, trained = (
        StageChangeRecord("a", is_trained, distance, 1.0)
        for is_trained, distance in ((False, 0.0), (False, None), (False, 1e-9), (True, 0.0))
    )
    assert frozen.frozen and without_weights.frozen and not moved.frozen and not trained.frozen
    assert sum(change.frozen for change in read_run(EXAMPLE).evidence.stage_changes) == 4
