"""The two opponents that are trained step by step: the backbone's own architecture, and a small network."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from headstart.backbones.architectures import build
from headstart.backbones.card import Stage
from headstart.backbones.preprocess import Preprocess
from headstart.backbones.splitting import split_for
from headstart.core.progress import Progress
from headstart.evaluation.candidates import Candidate, Status
from headstart.training.checkpoints import TrainingWork
from headstart.training.convergence import why_not_converged
from headstart.transfer.scratch import LEAST_EPOCHS, LabelledInputs, ScratchRun, TrainedNetwork, train_from_scratch

#: Names of the two.
SAME_ARCHITECTURE, SMALL = "same architecture from scratch", "small network from scratch"


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network that can be built and fed.

    Attributes:
        name: What the candidate is called.
        library: What builds it; see :mod:`headstart.backbones.architectures`.
        architecture: Its name there.
        preprocess: How its inputs are prepared.
    """

    name: str
    library: str
    architecture: str
    preprocess: Preprocess


@dataclass(frozen=True, eq=False)
class TrainedBaseline:
    """A baseline and the network behind it.

    Attributes:
        candidate: What it reached; its metrics are still to be measured.
        run: Its plan and its curves.
        built: Which network, at which size.
        stages: The backbone's stages.
        parameters: Number of parameters of the backbone.
    """

    candidate: Candidate
    run: ScratchRun
    built: Architecture
    stages: tuple[Stage, ...]
    parameters: int

    @property
    def network(self) -> TrainedNetwork | None:
        """The trained network, ready to be saved; ``None`` where nothing was trained."""
        return self.run.network


def train_baseline(
    chosen: Architecture,
    data: LabelledInputs,
    *,
    budget: float,
    seed: int,
    progress: Progress,
    work: TrainingWork | None = None,
) -> TrainedBaseline:
    """Trains a network from random weights.

    Args:
        chosen: Which network.
        data: Inputs as it takes them.
        budget: Seconds of training.
        seed: Of the weights, the order and the augmentation.
        progress: Hears about every step.
        work: Where the training keeps what it needs to be taken up again; see :func:`train_from_scratch`.
    """
    begun = time.perf_counter()
    model = build(chosen.library, chosen.architecture, chosen.preprocess.size, seed=seed)
    backbone = split_for(model, chosen.preprocess)
    named = replace(work, training=chosen.name) if work else None
    run = train_from_scratch(backbone, data, budget=budget, seed=seed, progress=progress, work=named)
    status, detail = judge(run, classes=data.classes)
    candidate = Candidate(
        name=chosen.name,
        strategy="scratch",
        kind="baseline",
        status=status,
        detail=detail,
        seconds=time.perf_counter() - begun,
        budget_seconds=budget,
        epochs=len(run.record.epochs) if run.record else 0,
        validation_probabilities=run.network.validation_probabilities if run.network else None,
        test_probabilities=run.network.test_probabilities if run.network else None,
    )
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return TrainedBaseline(candidate, run, chosen, backbone.stages, parameters)


def judge(run: ScratchRun, *, classes: int) -> tuple[Status, str]:
    """Whether a training from scratch may be compared with, and why.

    A training that never started, was interrupted, met something not finite, or was still on its way may not; see
    :func:`headstart.training.convergence.why_not_converged`.

    Returns:
        The status and a sentence.
    """
    if run.planned is None:
        return "not run", "interrupted"
    if run.record is None:
        return "not run", (
            f"{LEAST_EPOCHS} epochs would need about {_duration(LEAST_EPOCHS * run.planned.epoch_seconds)}; "
            "raise --baseline-budget"
        )
    if run.record.ending == "interrupted":
        return "not converged", "interrupted"
    if run.record.ending == "not finite":
        return "not converged", run.record.reason
    train_losses = [epoch.train_loss for epoch in run.record.epochs]
    validation_losses = [epoch.validation_loss for epoch in run.record.epochs]
    if missing := why_not_converged(train_losses, validation_losses, chance=math.log(classes)):
        cut_short = run.planned.epochs < run.planned.phase.epochs
        advice = "; raise --baseline-budget" if cut_short else ""
        return "not converged", f"{run.record.reason}; {missing}{advice}"
    return "ok", run.record.reason


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{math.ceil(seconds)} seconds"
    return f"{math.ceil(seconds / 60)} minutes"
