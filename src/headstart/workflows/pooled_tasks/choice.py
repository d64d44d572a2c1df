"""Which model is saved: the best on validation, measured in the form in which it will answer."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from headstart.core.progress import Progress
from headstart.evaluation.candidates import Candidate
from headstart.features.trial import engine_trial
from headstart.transfer.heads import LinearHead
from headstart.transfer.strategy import Strategy
from headstart.workflows.fitted import Fitted, convert_tuned, features_by_trained
from headstart.workflows.pooled_tasks.candidates import Scorer
from headstart.workflows.pooled_tasks.examples import PooledExamples
from headstart.workflows.pooled_tasks.problem import Outputs, outputs_of
from headstart.workflows.trained_tasks.attempt import Attempt


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
    probe: Fitted,
    best: Attempt | None,
    examples: PooledExamples,
    score: Scorer,
    *,
    strategy: Strategy,
    device: str,
    progress: Progress,
) -> Chosen:
    """The best of the trainings; where the strategy searches, only if metric and loss agree on it.

    Args:
        probe: The linear probe.
        best: The best training; ``None`` where none brought a finished epoch or was better than the probe.
        examples: The examples.
        score: Judges answers.
        strategy: What was asked for.
        device: Where the features of a tuned backbone are computed.
        progress: Who is told how far it is.
    """
    if best is None:
        return Chosen(probe, "The linear probe is kept: no training was better on validation.")
    progress.start("conversion of what was tuned")
    tuned, loss = _converted(best, examples, score, device=device, progress=progress)
    leading, said = examples.problem.leading, examples.problem.leading_in_words
    ours, theirs = (_reached(candidate, leading) for candidate in (tuned.candidate, probe.candidate))
    progress.finish(f"{said} {ours:.3f} on validation")
    if strategy.placement == "searched" and not (ours >= theirs and loss < probe_loss(probe, examples)):
        return Chosen(
            probe, f"The linear probe is kept: {said} {theirs:.3f} on validation, the best training {ours:.3f}."
        )
    return Chosen(
        tuned, f"Training {best.candidate.name} came to {said} {ours:.3f} on validation, the probe to {theirs:.3f}."
    )


def probe_loss(probe: Fitted, examples: PooledExamples) -> float:
    """The task's own loss of the probe on validation, by which it is held against trainings."""
    head = _linear(probe)
    return examples.problem.held_out_loss(
        outputs_of(head, examples.features_of("validation")), examples.targets_of("validation")
    )


def _converted(
    attempt: Attempt, examples: PooledExamples, score: Scorer, *, device: str, progress: Progress
) -> tuple[Fitted, float]:
    """A training as a model that can be saved, with its loss on validation; its figures are of the converted form."""
    if attempt.trained is None or attempt.step is None:
        raise ValueError(f"Expected {attempt.candidate.name} to have been trained, but it was not.")
    weights, head = attempt.trained.arrays()
    base = examples.base
    converted = convert_tuned(base.backbone.card, weights, training=attempt.step.name, data=base.arranged.table.name)
    held_out = [*examples.rows("validation"), *examples.rows("test")]
    choice, features = features_by_trained(
        converted,
        [replace(base.arranged.items[row], label=base.arranged.classes[base.arranged.labels[row]]) for row in held_out],
        base,
        device=device,
        progress=progress,
        trial=engine_trial(base.backbone, device=device, progress=progress),  # the same architecture: as fast
    )
    count, problem = len(examples.rows("validation")), examples.problem
    validation, test = features.select(np.arange(count)), features.select(np.arange(count, len(held_out)))
    linear = LinearHead(head["weight"], head["bias"], temperature=1.0)
    linear = problem.calibrated(linear, validation, examples.targets_of("validation"))
    outputs: Outputs = outputs_of(linear, validation)
    candidate = replace(
        attempt.candidate,
        validation=score(problem.answers(outputs), "validation"),
        test=score(problem.answers(outputs_of(linear, test)), "test"),
    )
    facts = {
        "head": "linear",
        "boundary": attempt.step.boundary,
        "below": attempt.step.below,
        "phases": [planned.to_json() for planned in attempt.trained.planned],
        "ending": attempt.trained.reason,
    }
    fitted = Fitted(attempt.step.strategy, converted, choice, test, linear, candidate, facts, trained_backbone=True)
    return fitted, problem.held_out_loss(outputs, examples.targets_of("validation"))


def _linear(fitted: Fitted) -> LinearHead:
    if not isinstance(fitted.head, LinearHead):
        raise TypeError(f"Expected a linear head, but got {type(fitted.head).__name__}.")
    return fitted.head


def _reached(candidate: Candidate, metric: str) -> float:
    return candidate.validation.metrics[metric].value if candidate.validation else float("-inf")
