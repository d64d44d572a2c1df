"""The opponents that are trained: networks from random weights, and whether they may be compared with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from headstart.data.items import Split
from headstart.evaluation.candidates import Candidate, Status
from headstart.evaluation.summed import SummedScore
from headstart.training.convergence import why_not_converged
from headstart.training.phase import Phase
from headstart.workflows.trained_tasks.attempt import Attempt, seconds_of
from headstart.workflows.trained_tasks.setup import TrainingSetup

if TYPE_CHECKING:
    from headstart.backbones.stages import StagedBackbone
    from headstart.training.examples import Examples
    from headstart.training.network import Network
    from headstart.transfer.task_training import Trained


def train_opponent(
    setup: TrainingSetup,
    name: str,
    phase: Phase,
    *,
    build: Callable[[], StagedBackbone],
    examples: Callable[[], Mapping[Split, Examples]],
    score: Callable[[Network, Examples, Split], SummedScore],
    budget: float,
    chance: float,
) -> Attempt:
    """Trains a network from random weights and lets it answer for the test split once.

    Args:
        setup: Of the fit.
        name: Of the candidate.
        phase: How it trains.
        build: Makes the backbone.
        examples: Makes the splits as they enter the network.
        score: Judges a network's answers.
        budget: Seconds of training, turned into epochs before it starts.
        chance: The loss of one who knows nothing of the single item.
    """
    if not setup.may_begin(name):
        return _not_run(name, "interrupted", budget)
    begun = time.perf_counter()
    network = setup.network(build())
    entering = examples()
    trained = setup.trainer.train_within(
        network,
        phase,
        train=entering["train"],
        validation=entering["validation"],
        work=setup.work(name),
        budget=budget,
    )
    attempt = judged(trained, name, budget=budget, chance=chance)
    if not trained.records:
        return attempt
    candidate = replace(
        attempt.candidate,
        seconds=seconds_of(trained, begun=begun),
        validation=score(network, entering["validation"], "validation"),
        test=score(network, entering["test"], "test"),
    )
    return replace(attempt, candidate=candidate).without_network()


def judged(trained: Trained, name: str, *, budget: float, chance: float) -> Attempt:
    """A training from random weights with its status; see :func:`headstart.training.convergence.why_not_converged`.

    Args:
        trained: What it came to; without records where its budget bought too few epochs.
        name: Of the candidate.
        budget: Seconds that it was allowed.
        chance: The loss of one who knows nothing of the single item.
    """
    from headstart.transfer.scratch import LEAST_EPOCHS

    if not trained.records:
        need = LEAST_EPOCHS * trained.planned[0].epoch_seconds
        return _not_run(
            name, f"{LEAST_EPOCHS} epochs would need about {need:.0f} seconds; raise --baseline-budget", budget
        )
    status, detail = _status(trained, chance)
    candidate = Candidate(name, "scratch", "baseline", status, detail, budget_seconds=budget, epochs=trained.epochs)
    return Attempt(candidate, trained, held_out_loss=trained.held_out_loss)


def _not_run(name: str, reason: str, budget: float) -> Attempt:
    return Attempt(Candidate(name, "scratch", "baseline", "not run", reason, budget_seconds=budget), None)


def _status(trained: Trained, chance: float) -> tuple[Status, str]:
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
