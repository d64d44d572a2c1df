"""Which of the tried transfers is saved: the best by validation, measured in the form in which it will answer."""

from __future__ import annotations

from dataclasses import dataclass

from headstart.core.progress import Progress
from headstart.evaluation.candidates import Candidate
from headstart.transfer.strategy import Strategy
from headstart.workflows.fitted import Fitted
from headstart.workflows.gather import Examples
from headstart.workflows.tune import Tuning, is_better, on_equal_terms
from headstart.workflows.tuned import fitted_from


@dataclass(frozen=True, eq=False)
class Chosen:
    """What is saved, and why.

    Attributes:
        saved: The model.
        reason: In a sentence.
    """

    saved: Fitted
    reason: str


def choose(
    probe: Fitted, tuning: Tuning, examples: Examples, *, strategy: Strategy, device: str, seed: int, progress: Progress
) -> Chosen:
    """The best of the trainings; where the strategy searches, only if accuracy and log loss agree on it.

    Args:
        probe: The linear probe.
        tuning: What tuning came to.
        examples: The examples.
        strategy: What was asked for.
        device: Where the features of a tuned backbone are computed.
        seed: Of the bootstrap.
        progress: Who is told how far it is.
    """
    rival = on_equal_terms(probe.candidate, examples, seed=seed)
    best = tuning.best
    if best is None or best.tuned is None or best.candidate is None:
        return Chosen(probe, _why_probe(tuning, rival))
    progress.start("conversion of what was tuned")
    tuned = fitted_from(best.tuned, best.candidate, examples, device=device, progress=progress)
    converted = on_equal_terms(tuned.candidate, examples, seed=seed)
    progress.finish(_reached(converted))
    if strategy.placement == "searched" and not is_better(converted, rival):
        return Chosen(probe, f"The probe is kept: {_compared(rival, converted)}.")
    return Chosen(tuned, f"Training {tuned.candidate.name} came to {_compared(converted, rival)}.")


def _why_probe(tuning: Tuning, rival: Candidate) -> str:
    if not tuning.candidates:
        return f"The probe is kept, because no training brought a finished epoch. {tuning.ended}"
    return f"The probe is kept: no training was better in accuracy and log loss than {_reached(rival)} on validation."


def _compared(winner: Candidate, other: Candidate) -> str:
    return f"{_reached(winner)} on validation, where {other.name} has {_reached(other)}"


def _reached(candidate: Candidate) -> str:
    """Accuracy, and the log loss that decides where two are alike."""
    if candidate.validation is None:
        return "nothing"
    metrics = candidate.validation.metrics
    return f"{metrics['accuracy'].value:.1%} (log loss {metrics['log_loss'].value:.3f})".replace("%", " %")
