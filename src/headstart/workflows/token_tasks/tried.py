"""What a fit on tokens has tried, before any test label is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headstart.evaluation.candidates import Candidate
from headstart.workflows.decision import curve
from headstart.workflows.trained_tasks.attempt import Attempt
from headstart.workflows.trained_tasks.tuning import Tuning


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
        return self.tuning.begun if self.tuning else []

    @property
    def baselines(self) -> list[Candidate]:
        """What knows no pretraining."""
        return [self.plain, *(attempt.candidate for attempt in self.scratch)]

    def curves(self) -> list[dict[str, Any]]:
        """The learning curves of all trainings."""
        begun = [self.frozen, *self.tuned, *self.scratch]
        return [curve(attempt.candidate.name, attempt.trained.records) for attempt in begun if attempt.trained]
