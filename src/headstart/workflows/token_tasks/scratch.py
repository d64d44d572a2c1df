"""The opponent that is trained: the backbone's own architecture from random weights."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from headstart.backbones.token_features import without_pooling
from headstart.evaluation.candidates import Candidate, Status
from headstart.training.convergence import why_not_converged
from headstart.workflows.token_tasks.trainings import LEARNED, Attempt, Trainings

if TYPE_CHECKING:
    from headstart.transfer.token_training import Trained

NAME = "same architecture from scratch"


def from_scratch(trainings: Trainings, *, budget: float) -> Attempt:
    """Trains the backbone's architecture from random weights and answers for the test split once.

    Args:
        trainings: Of the same fit.
        budget: Seconds of training, turned into epochs before it starts.
    """
    from headstart.backbones.architectures import build
    from headstart.backbones.splitting import parts_of
    from headstart.backbones.stages import StagedBackbone
    from headstart.transfer.token_training import LEAST_EPOCHS, SCRATCH

    begun, card, work = time.perf_counter(), trainings.examples.backbone.card, trainings.work(NAME)
    if trainings.stop() and not work.has_begun:
        return _not_run("interrupted", budget)
    model = build(card.library, card.architecture, card.preprocess.size, seed=trainings.seed)
    network = trainings.network(without_pooling(StagedBackbone(model, parts_of(model), card.stages)))
    train, validation = (trainings.entering(split, "bottom", "nothing") for split in LEARNED)
    trained = trainings.trainer.train_within(
        network, SCRATCH, train=train, validation=validation, work=work, budget=budget
    )
    if not trained.records:
        need = LEAST_EPOCHS * trained.planned[0].epoch_seconds
        return _not_run(f"{LEAST_EPOCHS} epochs would need about {need:.0f} seconds; raise --baseline-budget", budget)
    chance = trainings.examples.problem.chance(trainings.windows("train").targets)
    status, detail = _whether_converged(trained, chance)
    found = trainings.attempt(NAME, "scratch", network, trained, begun=begun, kind="baseline", entering=validation)
    test = trainings.reached(network, trainings.entering("test", "bottom", "nothing"), "test")
    judged = replace(found.candidate, status=status, detail=detail, budget_seconds=budget, test=test)
    return replace(found, candidate=judged).without_network()


def _not_run(reason: str, budget: float) -> Attempt:
    return Attempt(Candidate(NAME, "scratch", "baseline", "not run", reason, budget_seconds=budget), None)


def _whether_converged(trained: Trained, chance: float) -> tuple[Status, str]:
    """Whether it may be compared with, and why; see :func:`headstart.training.convergence.why_not_converged`."""
    record = trained.records[-1]
    if record.ending == "interrupted":
        return "not converged", "interrupted"
    if record.ending == "not finite":
        return "not converged", record.reason
    missing = why_not_converged(
        [epoch.train_loss for epoch in record.epochs],
        [epoch.validation_loss for epoch in record.epochs],
        chance=chance,
    )
    if not missing:
        return "ok", record.reason
    advice = "; raise --baseline-budget" if trained.planned[0].epochs < trained.planned[0].phase.epochs else ""
    return "not converged", f"{record.reason}; {missing}{advice}"
