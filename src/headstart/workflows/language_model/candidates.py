"""The language models that are compared: the source's as it is and tuned, from random weights, and n-grams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from headstart.evaluation.candidates import Kind, Status
from headstart.evaluation.perplexities import TokenLosses, perplexity_metrics
from headstart.training.token_network import TokenNetwork
from headstart.transfer.language_tuning import LanguageTraining
from headstart.workflows.language_model.corpus import Held


@dataclass(frozen=True, eq=False)
class LanguageCandidate:
    """One language model that was tried; the fields are those of :class:`headstart.evaluation.candidates.Candidate`.

    Attributes:
        name: What a person calls it.
        strategy: How it was trained.
        kind: Whether it rests on pretrained weights.
        status: ``"ok"`` only where training converged.
        detail: Why the status is what it is.
        seconds: Time it took.
        budget_seconds: Time it was allowed.
        epochs: Passes over the training text.
        validation: What it said of the validation text; ``None`` where it was not trained.
        test: What it said of the test text.
    """

    name: str
    strategy: str
    kind: Kind
    status: Status = "ok"
    detail: str = ""
    seconds: float = 0.0
    budget_seconds: float | None = None
    epochs: int | None = None
    validation: TokenLosses | None = field(default=None, repr=False)
    test: TokenLosses | None = field(default=None, repr=False)

    def to_json(self, *, seed: int) -> dict[str, Any]:
        """Its row in ``metrics.json``."""
        names = ("name", "strategy", "kind", "status", "detail", "seconds", "budget_seconds", "epochs")
        row = {name: getattr(self, name) for name in names}
        return {**row, "validation": _metrics(self.validation, seed), "test": _metrics(self.test, seed)}


@dataclass(frozen=True, eq=False)
class Tried:
    """A candidate with the model behind it.

    Attributes:
        candidate: Judged on the validation text.
        says: What the model says of a split; ``None`` where there is no model.
        network: What can be saved; ``None`` for what is no network, or was not trained.
        training: How it was trained.
    """

    candidate: LanguageCandidate
    says: Callable[[Held], TokenLosses] | None = None
    network: TokenNetwork | None = None
    training: LanguageTraining | None = None

    def on_test(self) -> LanguageCandidate:
        """The candidate with what its model says of the test text."""
        return self.candidate if self.says is None else replace(self.candidate, test=self.says("test"))


def best_by_validation(candidates: Sequence[LanguageCandidate]) -> LanguageCandidate | None:
    """The lowest loss on the validation text among those that converged; the first of equals."""
    ready = [candidate for candidate in candidates if candidate.status == "ok" and candidate.validation is not None]
    return min(ready, key=validation_loss, default=None)


def validation_loss(candidate: LanguageCandidate) -> float:
    """Nats per token; infinite where it was not judged."""
    return float("inf") if candidate.validation is None else float(candidate.validation.losses.mean(dtype="float64"))


def reached(candidate: LanguageCandidate) -> str:
    """Its perplexity on the validation text."""
    if candidate.validation is None:
        return "nothing"
    return f"perplexity {perplexity_metrics(candidate.validation)['perplexity'].value:.2f}"


def _metrics(found: TokenLosses | None, seed: int) -> dict[str, Any] | None:
    if found is None:
        return None
    return {name: asdict(interval) for name, interval in perplexity_metrics(found, seed=seed).items()}
