"""What the training that is saved becomes: a converted backbone with a head."""

from __future__ import annotations

from headstart.core.progress import Progress
from headstart.features.trial import engine_trial
from headstart.transfer.heads import LinearHead
from headstart.workflows.fitted import convert_tuned
from headstart.workflows.token_tasks.examples import TokenExamples, path_for
from headstart.workflows.token_tasks.model import TokenModel
from headstart.workflows.trained_tasks.attempt import Attempt


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
    converted = convert_tuned(examples.backbone.card, weights, training=attempt.step.name, data=examples.table.name)
    trial = engine_trial(examples.backbone, device=device, progress=progress)  # the same architecture: as fast
    choice = path_for(examples.problem, examples.table.items, converted, trial, progress=progress)
    return TokenModel(examples.problem, converted, choice, linear, attempt.step.strategy, facts, trained_backbone=True)
