"""Which networks from random weights may be compared with."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.tiny import TASK, tiny_backbone, tiny_examples

from headstart.core.progress import Silent
from headstart.core.unfinished import open_unfinished
from headstart.evaluation.intervals import Interval
from headstart.evaluation.summed import SummedScore
from headstart.training.frozen import FrozenProof
from headstart.training.phase import LearningRates, Phase
from headstart.training.plan import PhaseCost, PlannedPhase
from headstart.training.records import Ending, EpochRecord, PhaseRecord
from headstart.transfer.task_training import Trained
from headstart.workflows.trained_tasks.scratch import judged, train_opponent
from headstart.workflows.trained_tasks.setup import TrainingSetup

PHASE = Phase("bottom", LearningRates(1e-2, 1e-2), epochs=8, batch_size=16, patience=8)
ARRIVED = [(1.0, 0.8), (0.5, 0.5), (0.4, 0.42), (0.3, 0.41), (0.3, 0.41)]


def trained(losses: list[tuple[float, float]], *, epochs: int = 8, ending: Ending = "as planned") -> Trained:
    records = tuple(EpochRecord(train, validation, 1.0) for train, validation in losses)
    return Trained(
        None,
        (PlannedPhase(PHASE, epochs, 3, "float32", 2.0),),
        (PhaseRecord(records, 0, ending, "it ended", FrozenProof((), "")),),
    )


@pytest.mark.parametrize(
    ("training", "status", "detail"),
    [
        (trained(ARRIVED), "ok", "it ended"),
        (trained(ARRIVED, ending="interrupted"), "not converged", "interrupted"),
        (trained(ARRIVED, ending="not finite"), "not converged", "it ended"),
        (trained([(1.0, 1.0)]), "not converged", "it ended; its training loss is 1.00, where guessing gives 1.00"),
        (
            trained([(1.0, 1.0)], epochs=5),
            "not converged",
            "it ended; its training loss is 1.00, where guessing gives 1.00; raise --baseline-budget",
        ),
        (
            replace(trained([]), records=()),
            "not run",
            "5 epochs would need about 10 seconds; raise --baseline-budget",
        ),
    ],
)
def test_only_what_has_arrived_is_compared_with(training: Trained, status: str, detail: str) -> None:
    candidate = judged(training, "small", budget=9.0, chance=1.0).candidate
    assert (candidate.status, candidate.detail) == (status, detail)
    assert (candidate.name, candidate.strategy, candidate.kind) == ("small", "scratch", "baseline")
    assert candidate.budget_seconds == 9.0


def opponent(folder: Path, *, budget: float, stop: bool = False):  # type: ignore[no-untyped-def]
    asked = []

    def score(network, entering, split):  # type: ignore[no-untyped-def]
        asked.append((split, len(entering)))
        return SummedScore(np.zeros((1, 1)), {"f1": Interval(0.5, 0.4, 0.6)})

    with open_unfinished(folder / "run", {}) as unfinished:
        found = train_opponent(
            TrainingSetup(lambda: TASK, 0, "cpu", unfinished, lambda: stop, (), Silent()),
            "small",
            PHASE,
            build=tiny_backbone,
            examples=lambda: {
                "train": tiny_examples(48),
                "validation": tiny_examples(24, seed=1),
                "test": tiny_examples(12, seed=2),
            },
            score=score,
            budget=budget,
            chance=np.log(3),
        )
    return found, asked


@pytest.fixture(autouse=True)
def a_second_per_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = PhaseCost("float32", 0.3, 0.1, threads=1)
    monkeypatch.setattr("headstart.transfer.task_training.measure_cost", lambda *given, **named: cost)


def test_an_opponent_is_trained_judged_once_on_test_and_let_go(tmp_path: Path) -> None:
    found, asked = opponent(tmp_path, budget=100.0)
    assert asked == [("validation", 24), ("test", 12)]
    assert found.candidate.epochs == 8
    assert found.candidate.validation is not None
    assert found.candidate.test is not None
    assert found.trained is not None
    assert found.trained.network is None


@pytest.mark.parametrize(("budget", "stop"), [(1.0, False), (100.0, True)])
def test_what_was_not_trained_is_not_asked(tmp_path: Path, budget: float, stop: bool) -> None:
    found, asked = opponent(tmp_path, budget=budget, stop=stop)
    assert asked == []
    assert found.candidate.status == "not run"
    assert found.candidate.detail.endswith("interrupted" if stop else "raise --baseline-budget")
