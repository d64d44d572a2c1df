"""What was tried on the user's data, transfers and baselines, with what each reached and cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from headstart.core.errors import UsageError
from headstart.evaluation.intervals import Interval

Kind = Literal["transfer", "baseline"]
Status = Literal["ok", "not converged", "not run", "failed"]


class Score(Protocol):
    """What something reached on one split, such as a :class:`headstart.evaluation.scorecard.Scorecard`."""

    @property
    def metrics(self) -> dict[str, Interval]:
        """Metrics with their intervals."""

    def metrics_json(self) -> dict[str, dict[str, float]]:
        """The same as plain JSON values."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One thing that was tried.

    Attributes:
        name: What a person calls it: ``"raw pixels"``, ``"linear probe"``.
        strategy: How it was trained, as a user writes it: ``"probe"``, ``"scratch"``.
        kind: Whether it rests on pretrained weights.
        status: ``"ok"`` only where training converged; nothing else is ever compared with.
        detail: Why the status is what it is, or what was chosen, in a few words.
        seconds: Time it took.
        budget_seconds: Time it was allowed; ``None`` where it had no bound.
        epochs: Passes over the training split; ``None`` where it was not trained in epochs.
        validation_probabilities: Shape ``(N_validation, C)``; ``None`` where there is none.
        test_probabilities: Shape ``(N_test, C)``; ``None`` where there is none.
        validation: Metrics on the validation split.
        test: Metrics on the test split.
    """

    name: str
    strategy: str
    kind: Kind
    status: Status = "ok"
    detail: str = ""
    seconds: float = 0.0
    budget_seconds: float | None = None
    epochs: int | None = None
    validation_probabilities: NDArray[Any] | None = field(default=None, repr=False)
    test_probabilities: NDArray[Any] | None = field(default=None, repr=False)
    validation: Score | None = field(default=None, repr=False)
    test: Score | None = field(default=None, repr=False)

    @property
    def converged(self) -> bool:
        """Whether its figures may be compared with."""
        return self.status == "ok"

    def to_json(self) -> dict[str, Any]:
        """Its row in ``metrics.json``; probabilities stay out."""
        return {
            "name": self.name,
            "strategy": self.strategy,
            "kind": self.kind,
            "status": self.status,
            "detail": self.detail,
            "seconds": self.seconds,
            "budget_seconds": self.budget_seconds,
            "epochs": self.epochs,
            "validation": None if self.validation is None else self.validation.metrics_json(),
            "test": None if self.test is None else self.test.metrics_json(),
        }


def strongest(candidates: Sequence[Candidate], *, by: str = "accuracy") -> Candidate | None:
    """The candidate with the highest validation accuracy, or another metric.

    Ties go to the lower validation log loss where there is one, then to the first. Only those that converged are
    considered, so that an unfinished training is never sold as what is possible.

    Args:
        candidates: What there is.
        by: Name of the metric; the higher the better.

    Returns:
        The strongest candidate; ``None`` where none converged.

    Raises:
        UsageError: A converged candidate has no validation metrics to compare by.
    """
    ready = [candidate for candidate in candidates if candidate.converged]
    if unmeasured := [candidate.name for candidate in ready if candidate.validation is None]:
        raise UsageError(
            f"Expected validation metrics for every converged candidate, but got none for "
            f"{', '.join(unmeasured)}; score them on the validation split first."
        )
    return max(ready, key=lambda candidate: _strength(candidate, by), default=None)


def _strength(candidate: Candidate, by: str) -> tuple[float, float]:
    metrics = candidate.validation.metrics if candidate.validation else {}
    return metrics[by].value, -metrics["log_loss"].value if "log_loss" in metrics else 0.0
