"""A plan of trainings is followed, and the best of them is found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headstart.evaluation.candidates import strongest
from headstart.transfer.strategy import Strategy
from headstart.transfer.tuning_plan import TuningPlan, TuningStep
from headstart.workflows.trained_tasks.attempt import Attempt


@dataclass(frozen=True, eq=False)
class Tuning:
    """What the plan of trainings came to.

    Attributes:
        plan: What was planned.
        attempts: One per planned step, in order; ``None`` where it was not begun.
        best: The one to save; ``None`` where none is better than the frozen head.
    """

    plan: TuningPlan
    attempts: tuple[Attempt | None, ...]
    best: Attempt | None

    @property
    def begun(self) -> list[Attempt]:
        """The trainings that were begun."""
        return [attempt for attempt in self.attempts if attempt]


def follow(
    plan: TuningPlan,
    train: Callable[[TuningStep], Attempt | None],
    *,
    frozen: Attempt,
    strategy: Strategy,
    metric: str,
) -> Tuning:
    """Follows a plan step by step; only the best training keeps its network.

    Args:
        plan: What is to be trained.
        train: One step of it; ``None`` where somebody stopped it before it began.
        frozen: The head on frozen features.
        strategy: What was asked for.
        metric: Name of the metric that decides.
    """
    attempts: list[Attempt | None] = []
    best = None
    for step in plan.steps:
        attempts.append(train(step))
        best = best_attempt(frozen, attempts, strategy, metric=metric)
        attempts = [one if one is None or one is best else one.without_network() for one in attempts]
    return Tuning(plan, tuple(attempts), best)


def best_attempt(
    frozen: Attempt, attempts: Sequence[Attempt | None], strategy: Strategy, *, metric: str
) -> Attempt | None:
    """The best training on validation; where the strategy searches, of those that are better than the frozen head.

    Better is who is as good in the metric that decides or better, at a lower loss: on a small split either alone is
    often luck.

    Args:
        frozen: The head on frozen features.
        attempts: The trainings of the plan.
        strategy: What was asked for.
        metric: Name of the metric that decides.

    Returns:
        ``None`` where there is none.
    """
    there = [attempt for attempt in attempts if attempt and attempt.trained and attempt.trained.moved]
    if strategy.placement == "searched":
        there = [attempt for attempt in there if _is_better(attempt, frozen, metric)]
    winner = strongest([attempt.candidate for attempt in there], by=metric)
    return next((attempt for attempt in there if attempt.candidate is winner), None)


def _is_better(challenger: Attempt, champion: Attempt, metric: str) -> bool:
    ours, theirs = challenger.candidate.validation, champion.candidate.validation
    if ours is None or theirs is None:
        return False
    higher = ours.metrics[metric].value >= theirs.metrics[metric].value
    return higher and challenger.held_out_loss < champion.held_out_loss
