from dataclasses import dataclass

import numpy as np

from headstart.evaluation.candidates import Candidate
from headstart.evaluation.intervals import Interval
from headstart.evaluation.summed import SummedScore
from headstart.training.phase import LearningRates, Phase
from headstart.transfer.strategy import STRATEGIES
from headstart.transfer.tuning_plan import TuningPlan, TuningStep
from headstart.workflows.trained_tasks.attempt import Attempt
from headstart.workflows.trained_tasks.tuning import best_attempt, follow


@dataclass(frozen=True)
class Moved:
    """A training that kept an epoch."""

    network: str | None = "kept"
    moved: bool = True


def attempt(name: str, value: float, loss: float, *, trained: bool = True) -> Attempt:
    score = SummedScore(np.zeros((1, 1)), {"entity_f1": Interval(value, value, value)})
    candidate = Candidate(name, "partial", "transfer", validation=score)
    return Attempt(candidate, Moved() if trained else None, held_out_loss=loss)  # type: ignore[arg-type]


FROZEN = attempt("frozen", 0.5, 1.0)


def chosen(strategy: str, *attempts: Attempt | None) -> str | None:
    best = best_attempt(FROZEN, attempts, STRATEGIES[strategy], metric="entity_f1")
    return best.candidate.name if best else None


def test_a_search_takes_the_best_of_those_that_are_better_in_both() -> None:
    lucky, better, best = attempt("lucky", 0.9, 1.1), attempt("better", 0.6, 0.9), attempt("best", 0.7, 0.95)
    assert chosen("auto", lucky, better, best, None) == "best"
    assert chosen("auto", lucky, attempt("worse", 0.4, 0.5)) is None
    assert chosen("auto", attempt("not begun", 0.9, 0.5, trained=False)) is None


def test_what_was_asked_for_by_name_is_kept() -> None:
    assert chosen("finetune", attempt("only", 0.4, 2.0)) == "only"
    assert chosen("partial", None) is None


def step(name: str) -> TuningStep:
    return TuningStep(name, "auto", (Phase("bottom", LearningRates(1.0, 1.0), 1, 1, 1),), "nothing", 0, 0.0, 1.0)


def test_a_plan_is_followed_in_order_and_only_the_best_keeps_its_network() -> None:
    tried = {
        "first": attempt("first", 0.6, 0.9),
        "not begun": None,
        "best": attempt("best", 0.8, 0.8),
        "last": attempt("last", 0.7, 0.7),
    }
    plan = TuningPlan(tuple(map(step, tried)), ())
    found = follow(plan, lambda one: tried[one.name], frozen=FROZEN, strategy=STRATEGIES["auto"], metric="entity_f1")
    assert [one and one.candidate.name for one in found.attempts] == ["first", None, "best", "last"]
    assert [one.trained.network for one in found.begun] == [None, "kept", None]  # type: ignore[union-attr]
    assert found.best is found.attempts[2]


def test_a_plan_without_trainings_has_no_best() -> None:
    found = follow(
        TuningPlan((), (step("dear"),)), lambda _: None, frozen=FROZEN, strategy=STRATEGIES["auto"], metric="entity_f1"
    )
    assert (found.attempts, found.begun, found.best) == ((), [], None)
