"""Which of the tried transfers is saved: the best by validation, measured in the form in which it will answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

from headstart.core.progress import Progress
from headstart.evaluation.candidates import Candidate
from headstart.evaluation.one_standard_error import clearly_better
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
    """The best of the trainings; where the strategy searches, the probe stays unless that is clearly better.

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
    progress.start("conversion of what was tuned")
    tuned = fitted_from(best.tuned, best.candidate, examples, device=device, progress=progress)
    # By validation alone: test probabilities stay out of it until the saved model is judged.
    rivals = [
        score_candidate(replace(fitted.candidate, test_probabilities=None), examples, seed=seed)
        for fitted in (probe, tuned)
    ]
    progress.finish(_reached(rivals[1]))
    if strategy.placement == "searched" and not _clearly(tuned, probe, examples):
        return Chosen(
            probe,
            f"The probe is kept, because the best training was not better by more than the validation split's own "
            f"noise: {_compared(rivals[1], rivals[0])}.",
        )
    return Chosen(tuned, f"Training {tuned.candidate.name}: {_compared(rivals[1], rivals[0])}.")


def _clearly(tuned: Fitted, probe: Fitted, examples: Examples) -> bool:
    challenger, champion = tuned.candidate.validation_probabilities, probe.candidate.validation_probabilities
    labels = examples.arranged.labels[examples.arranged.rows("validation")]
    return challenger is not None and champion is not None and clearly_better(challenger, champion, labels)


def _compared(winner: Candidate, other: Candidate) -> str:
    return f"{_reached(winner)} on validation, where {other.name} has {_reached(other)}"


def _reached(candidate: Candidate) -> str:
    """Accuracy, and the log loss that decides where two are alike."""
    if candidate.validation is None:
        return "nothing"
    metrics = candidate.validation.metrics
    return f"{metrics['accuracy'].value:.1%} (log loss {metrics['log_loss'].value:.3f})".replace("%", " %")
