"""Which of the tried transfers is saved: the best by validation, measured in the form in which it will answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headstart.core.progress import Progress
from headstart.evaluation.candidates import Candidate
from headstart.transfer.strategy import Strategy
from headstart.workflows.fitted import Fitted
from headstart.workflows.gather import Examples
from headstart.workflows.judgement import score_candidate
from headstart.workflows.tune import Tuning
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
    """The best of the trainings; where the strategy searches, only if accuracy and log loss agree that it is better.

    Args:
        probe: The linear probe.
        tuning: What tuning came to.
        examples: The examples.
        strategy: What was asked for.
        device: Where the features of a tuned backbone are computed.
        seed: Of the bootstrap.
        progress: Who is told how far it is.
    """
    best = tuning.best
    if best is None or best.tuned is None or best.candidate is None:
        return Chosen(probe, f"The probe is kept, because no training brought a finished epoch. {tuning.ended}")
    searched = strategy.placement == "searched"
    rival = _by_validation(probe.candidate, examples, seed)
    if searched and not _is_better(best.candidate, rival):
        return Chosen(probe, f"The probe is kept: {_compared(rival, best.candidate)}.")
    progress.start("conversion of what was tuned")
    tuned = fitted_from(best.tuned, best.candidate, examples, device=device, progress=progress)
    converted = _by_validation(tuned.candidate, examples, seed)
    progress.finish(_reached(converted))
    if searched and not _is_better(converted, rival):
        return Chosen(probe, f"The probe is kept: {_compared(rival, converted)}.")
    return Chosen(tuned, f"Training {tuned.candidate.name} came to {_compared(converted, rival)}.")


def _by_validation(candidate: Candidate, examples: Examples, seed: int) -> Candidate:
    """A candidate scored on validation alone: test probabilities stay out of it until the saved model is judged."""
    return score_candidate(replace(candidate, test_probabilities=None), examples, seed=seed)


def _is_better(challenger: Candidate, champion: Candidate) -> bool:
    """More right answers, or as many, and a lower log loss: on a small split either alone is often luck."""
    if challenger.validation is None or champion.validation is None:
        return False
    ours, theirs = challenger.validation.metrics, champion.validation.metrics
    fewer_right = ours["accuracy"].value < theirs["accuracy"].value
    return not fewer_right and ours["log_loss"].value < theirs["log_loss"].value


def _compared(winner: Candidate, other: Candidate) -> str:
    return f"{_reached(winner)} on validation, where {other.name} has {_reached(other)}"


def _reached(candidate: Candidate) -> str:
    """Accuracy, and the log loss that decides where two are alike."""
    if candidate.validation is None:
        return "nothing"
    metrics = candidate.validation.metrics
    return f"{metrics['accuracy'].value:.1%} (log loss {metrics['log_loss'].value:.3f})".replace("%", " %")
