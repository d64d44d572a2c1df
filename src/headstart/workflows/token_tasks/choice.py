"""Which training is saved, and what it becomes: a converted backbone with a head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headstart.backbones.catalog import convert_trained
from headstart.backbones.identity import weights_sha256
from headstart.core.progress import Progress
from headstart.evaluation.candidates import strongest
from headstart.features.trial import engine_trial
from headstart.transfer.heads import LinearHead
from headstart.transfer.strategy import Strategy
from headstart.workflows.token_tasks.examples import TokenExamples, path_for
from headstart.workflows.token_tasks.model import TokenModel
from headstart.workflows.token_tasks.trainings import Attempt


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


def saved_model(attempt: Attempt, examples: TokenExamples, *, device: str, progress: Progress) -> TokenModel:
    """A training as a model that can be saved.

    Args:
        attempt: The training.
        examples: The examples.
        device: Where its features are computed.
        progress: Who is told how far it is.
    """
    if attempt.trained is None:
        raise ValueError(f"Expected {attempt.candidate.name} to have been trained, but it was not.")
    weights, head = attempt.trained.arrays()
    linear = LinearHead(head["weight"], head["bias"], temperature=1.0)
    boundary = str(attempt.step.boundary) if attempt.step else "top"
    facts = {"head": "linear", "boundary": boundary, "ending": attempt.trained.reason}
    if attempt.step is None:
        return TokenModel(examples.problem, examples.backbone, examples.choice, linear, "probe", facts)
    card = examples.backbone.card
    tuned = replace(
        card,
        source=f"{attempt.step.name}, tuned by headstart on {examples.table.name}, from: {card.source}",
        sha256=weights_sha256(card.library, card.architecture, weights),
    )
    converted = convert_trained(tuned, weights)
    trial = engine_trial(examples.backbone, device=device, progress=progress)  # the same architecture: as fast
    choice = path_for(examples.problem, examples.table.items, converted, trial, progress=progress)
    return TokenModel(examples.problem, converted, choice, linear, attempt.step.strategy, facts, trained_backbone=True)


def _is_better(challenger: Attempt, champion: Attempt, metric: str) -> bool:
    ours, theirs = challenger.candidate.validation, champion.candidate.validation
    if ours is None or theirs is None:
        return False
    higher = ours.metrics[metric].value >= theirs.metrics[metric].value
    return higher and challenger.held_out_loss < champion.held_out_loss
