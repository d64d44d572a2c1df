"""Training from random weights: what can be had without any transfer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from headstart.backbones.conversion import state_arrays
from headstart.backbones.stages import StagedBackbone
from headstart.core.progress import Progress
from headstart.tasks.classification import Classification
from headstart.training.augment import Augmentation
from headstart.training.examples import PictureExamples, Pictures, channel_statistics
from headstart.training.inference import answers
from headstart.training.loop import Loop, PhaseRecord
from headstart.training.network import Network
from headstart.training.plan import PlannedPhase, plan_phase
from headstart.training.timing import measure_cost
from headstart.transfer.strategy import SCRATCH

#: A training of fewer epochs says nothing about what the network could learn.
LEAST_EPOCHS = 5
#: Share of the budget that measuring the cost of a step may take beforehand.
_MEASURING = 0.05


@dataclass(frozen=True, eq=False)
class LabelledPictures:
    """What a network is trained and judged on.

    Attributes:
        pictures: Positions ``(B,)`` to pictures, uint8, ``(B, S, S, 3)``; called for every batch of every epoch.
        labels: Class numbers by position, ``(N,)``; those at test positions take no part.
        train: Positions to learn from.
        validation: Positions to choose the best epoch by.
        test: Positions to answer for once.
        classes: Number of classes.
    """

    pictures: Pictures
    labels: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    classes: int


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A trained network, free of torch.

    Attributes:
        validation_probabilities: Shape ``(N_validation, C)``, float64; rows sum to 1.
        test_probabilities: Shape ``(N_test, C)``, float64.
        backbone: The backbone's parameters and buffers under the source model's names.
        head: ``weight``, shape ``(C, D)``, and ``bias``, shape ``(C,)``.
        mean: Of the training pictures, per channel, of values in [0, 1]; subtracted from the input.
        std: Likewise; the input is divided by it.
    """

    validation_probabilities: NDArray[np.float64]
    test_probabilities: NDArray[np.float64]
    backbone: dict[str, NDArray[Any]]
    head: dict[str, NDArray[Any]]
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class ScratchRun:
    """What training from random weights came to.

    Attributes:
        planned: What the budget allowed for.
        record: What the epochs brought; ``None`` where too few fitted into the budget, and nothing was trained.
        network: The result; ``None`` likewise.
    """

    planned: PlannedPhase
    record: PhaseRecord | None = None
    network: TrainedNetwork | None = None


def train_from_scratch(
    backbone: StagedBackbone, data: LabelledPictures, *, budget: float, seed: int, progress: Progress
) -> ScratchRun:
    """Trains a backbone that has random weights, together with a new head, as :data:`SCRATCH` says.

    Args:
        backbone: Changed in place.
        data: Pictures at the size that the backbone is to see.
        budget: Seconds of training, turned into epochs before it starts.
        seed: Of the head, the order and the augmentation.
        progress: Hears about every step.

    Returns:
        The run; without a network where fewer than :data:`LEAST_EPOCHS` epochs fit into the budget.
    """
    (phase,) = SCRATCH.phases
    task = Classification(data.classes)
    network = _with_head(backbone, task, seed)
    statistics = channel_statistics(data.pictures, data.train)
    train, validation = _examples(data, data.train, statistics), _examples(data, data.validation, statistics)
    progress.start("timing a step")
    cost = measure_cost(
        network, task, train=train, validation=validation, phase=phase, most_seconds=_MEASURING * budget
    )
    planned = plan_phase(phase, cost, examples=len(train), budget=budget)
    progress.finish(f"epochs that fit into {budget:.0f} s: {planned.epochs}")
    if planned.epochs < LEAST_EPOCHS:
        return ScratchRun(planned)
    loop = Loop(network, task, train=train, validation=validation, seed=seed, progress=progress)
    (record,) = loop.fit([planned])
    return ScratchRun(planned, record, _trained(network, task, data, statistics))


_Statistics = tuple[NDArray[np.float64], NDArray[np.float64]]


def _with_head(backbone: StagedBackbone, task: Classification, seed: int) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = Network(backbone, task.build_head(backbone))
    # measured on convolutional networks of 8 to 224 pixels: as fast as torch's default layout or up to 1.9 times faster
    return network.to(memory_format=torch.channels_last)


def _examples(data: LabelledPictures, positions: NDArray[np.int64], statistics: _Statistics) -> PictureExamples:
    mean, std = statistics
    return PictureExamples(
        data.pictures, positions, labels=data.labels[positions], mean=mean, std=std, augmentation=Augmentation()
    )


def _trained(network: Network, task: Classification, data: LabelledPictures, statistics: _Statistics) -> TrainedNetwork:
    mean, std = (tuple(values.tolist()) for values in statistics)
    validation, test = (
        np.concatenate(answers(network, task, _examples(data, positions, statistics)))
        for positions in (data.validation, data.test)
    )
    backbone, head = state_arrays(network.backbone.model), state_arrays(network.head)
    return TrainedNetwork(validation, test, backbone, head, mean, std)
