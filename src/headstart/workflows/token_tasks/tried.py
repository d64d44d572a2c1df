"""What a fit on tokens has tried, before any test label is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headstart.evaluation.candidates import Candidate
from headstart.transfer.tuning_plan import TuningPlan
from headstart.workflows.decision import curve
from headstart.workflows.token_tasks.trainings import Attempt


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


@dataclass(frozen=True, eq=False)
class Tried:
    """Everything that was tried.

    Attributes:
        frozen: The head on frozen features.
        tuning: The plan of trainings; ``None`` where the strategy has none.
        plain: What can be had without any network.
        scratch: Networks from random weights.
    """

    frozen: Attempt
    tuning: Tuning | None
    plain: Candidate
    scratch: tuple[Attempt, ...]

    @property
    def best(self) -> Attempt:
        """What is saved."""
        return (self.tuning.best if self.tuning else None) or self.frozen

    @property
    def tuned(self) -> list[Attempt]:
        """The trainings of the plan that were begun."""
        return [attempt for attempt in self.tuning.attempts if attempt] if self.tuning else []

    @property
    def baselines(self) -> list[Candidate]:
        """What knows no pretraining."""
        return [self.plain, *(attempt.candidate for attempt in self.scratch)]

    def curves(self) -> list[dict[str, Any]]:
        """The learning curves of all trainings."""
        begun = [self.frozen, *self.tuned, *self.scratch]
        return [curve(attempt.candidate.name, attempt.trained.records) for attempt in begun if attempt.trained]
