"""The two opponents that are trained step by step: the backbone's own architecture, and a small network."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from headstart.backbones.architectures import build
from headstart.backbones.card import BackboneCard, Stage
from headstart.backbones.splitting import split
from headstart.core.errors import UsageError
from headstart.core.progress import Progress
from headstart.evaluation.candidates import Candidate, Status
from headstart.training.checkpoints import TrainingWork
from headstart.training.convergence import why_not_converged
from headstart.transfer.scratch import LEAST_EPOCHS, LabelledPictures, ScratchRun, TrainedNetwork, train_from_scratch

#: The sides in pixels for which the small network is made.
SMALL_SIDES = (8, 64)


@dataclass(frozen=True, slots=True)
class Architecture:
    """A network that can be built.

    Attributes:
        name: What the candidate is called.
        library: What builds it; see :mod:`headstart.backbones.architectures`.
        architecture: Its name there.
        side: Side of its square input, in pixels.
    """

    name: str
    library: str
    architecture: str
    side: int


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


def same_architecture(
    card: BackboneCard,
    data: LabelledPictures,
    *,
    budget: float,
    seed: int,
    progress: Progress,
    work: TrainingWork | None = None,
) -> TrainedBaseline:
    """Trains the backbone's architecture from random weights.

    Args:
        card: Whose architecture.
        data: Pictures at the backbone's input size.
        budget: Seconds of training.
        seed: Of the weights, the order and the augmentation.
        progress: Hears about every step.
        work: Where the training keeps what it needs to be taken up again; see :func:`train_from_scratch`.

    Raises:
        UsageError: The pictures have another size or form.
    """
    side, size = _side(data), card.preprocess.size
    if side != size:
        raise UsageError(f"Expected pictures of {size} pixels for {card.architecture}, but got {side}.")
    architecture = Architecture("same architecture from scratch", card.library, card.architecture, side)
    return _train(architecture, data, budget=budget, seed=seed, progress=progress, work=work)


def small_network(
    data: LabelledPictures, *, budget: float, seed: int, progress: Progress, work: TrainingWork | None = None
) -> TrainedBaseline:
    """Trains the small network at the pictures' native size.

    Args:
        data: Pictures at their native size, 8 to 64 pixels.
        budget: Seconds of training.
        seed: Of the weights, the order and the augmentation.
        progress: Hears about every step.
        work: Where the training keeps what it needs to be taken up again; see :func:`train_from_scratch`.

    Raises:
        UsageError: The pictures have another size or form.
    """
    side = _side(data)
    if not SMALL_SIDES[0] <= side <= SMALL_SIDES[1]:
        raise UsageError(f"Expected pictures of {SMALL_SIDES[0]} to {SMALL_SIDES[1]} pixels, but got {side}.")
    architecture = Architecture("small network from scratch", "headstart", "small_convnet", side)
    return _train(architecture, data, budget=budget, seed=seed, progress=progress, work=work)


def _side(data: LabelledPictures) -> int:
    sample = data.pictures(data.train[:1])
    if sample.dtype != np.uint8 or sample.ndim != 4 or sample.shape[3] != 3 or sample.shape[1] != sample.shape[2]:
        raise UsageError(f"Expected uint8 pictures of shape (B, S, S, 3), but got {sample.dtype} {sample.shape}.")
    return int(sample.shape[1])


def _train(
    chosen: Architecture,
    data: LabelledPictures,
    *,
    budget: float,
    seed: int,
    progress: Progress,
    work: TrainingWork | None,
) -> TrainedBaseline:
    begun = time.perf_counter()
    model = build(chosen.library, chosen.architecture, chosen.side, seed=seed)
    backbone = split(model, size=chosen.side)
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
