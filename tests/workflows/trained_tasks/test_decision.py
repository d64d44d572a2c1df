import numpy as np
import pytest

from headstart.evaluation.candidates import Candidate
from headstart.evaluation.intervals import Interval
from headstart.evaluation.summed import SummedScore
from headstart.training.frozen import FrozenProof
from headstart.training.phase import LearningRates, Phase
from headstart.training.plan import PlannedPhase
from headstart.training.records import Ending, EpochRecord, PhaseRecord
from headstart.transfer.task_training import Trained
from headstart.transfer.tuning_plan import TuningPlan, TuningStep
from headstart.workflows.trained_tasks.attempt import Attempt
from headstart.workflows.trained_tasks.decision import decision_record, why_ended
from headstart.workflows.trained_tasks.tuning import Tuning

PHASE = Phase("layer.2", LearningRates(1e-3, 2e-3), epochs=8, batch_size=16, patience=8)


def step(name: str) -> TuningStep:
    return TuningStep(name, "partial", (PHASE,), "cached", 0, 0.5, 12.4)


def attempt(name: str, ending: Ending = "as planned") -> Attempt:
    record = PhaseRecord((EpochRecord(1.0, 0.5, 2.0),), 0, ending, "it ended", FrozenProof(("stem",), "0" * 64))
    trained = Trained(None, (PlannedPhase(PHASE, 8, 3, "bf16", 2.0, threads=2),), (record,))
    score = SummedScore(np.zeros((1, 1)), {"f1": Interval(0.5, 0.4, 0.6)})
    return Attempt(Candidate(name, "partial", "transfer", seconds=3.0, validation=score), trained, step(name), 0.5)


def test_a_decision_tells_of_every_training_that_was_thought_of() -> None:
    done, failed = attempt("done"), attempt("failed", "not finite")
    plan = TuningPlan((step("done"), step("failed"), step("not begun")), (step("too dear"),))
    record = decision_record(
        Tuning(plan, (done, failed, None), done),
        done.candidate,
        reason="It was best.",
        ended="All was done.",
        over_probe=Interval(0.1, -0.1, 0.3),
        metric="f1",
        budget=60.0,
    )
    steps = record.pop("steps")
    assert record == {
        "budget_seconds": 60.0,
        "seconds": 6.0,
        "chosen": "done",
        "reason": "It was best.",
        "ended": "All was done.",
        "invariances": [],
        "over_probe": {"difference": 0.1, "low": -0.1, "high": 0.3},
    }
    assert [one["name"] for one in steps] == ["done", "failed", "not begun", "too dear"]
    assert [one["status"] for one in steps] == ["ok", "failed", "not run", "not run"]
    assert [one["epochs_run"] for one in steps] == [1, 1, 0, 0]
    assert [one["validation_accuracy"] for one in steps] == [0.5, 0.5, None, None]
    assert (steps[0]["precision"], steps[0]["threads"], steps[0]["seconds"]) == ("bf16", 2, 3.0)
    assert steps[0]["frozen"]["stages"] == ("stem",)
    assert steps[3]["frozen"] is None


@pytest.mark.parametrize(
    ("bought", "dear", "sentence"),
    [
        (1, 0, "1 of 1 planned trainings were done."),
        (2, 1, "2 of 2 planned trainings were done; 1 more did not fit into the budget."),
        (0, 2, "The budget of 60 s bought no training: the cheapest, dear 0, would need about 12 s."),
    ],
)
def test_why_it_ended(bought: int, dear: int, sentence: str) -> None:
    attempts = tuple(attempt(f"step {number}") for number in range(bought))
    plan = TuningPlan(
        tuple(step(one.candidate.name) for one in attempts), tuple(step(f"dear {number}") for number in range(dear))
    )
    assert why_ended(Tuning(plan, attempts, None), budget=60.0) == sentence


@pytest.mark.parametrize("last", [None, "interrupted"])
def test_an_interruption_is_not_called_done(last: Ending | None) -> None:
    attempts = (attempt("done"), attempt("stopped", last) if last else None)
    plan = TuningPlan((step("done"), step("stopped")), (step("too dear"),))
    begun = 2 if last else 1
    assert (
        why_ended(Tuning(plan, attempts, None), budget=60.0) == f"Interrupted after {begun} of 2 trainings had begun."
    )
