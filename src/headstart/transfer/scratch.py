"""Training from random weights: what can be had without any transfer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from headstart.backbones.conversion import state_arrays
from headstart.backbones.preprocess import Preprocess
from headstart.backbones.stages import StagedBackbone
from headstart.core.files import write_json
from headstart.core.progress import Progress
from headstart.tasks.classification import Classification
from headstart.training.activations import InputExamples, Jitter
from headstart.training.checkpoints import TrainingWork
from headstart.training.inference import answers
from headstart.training.loop import Loop
from headstart.training.network import Network
from headstart.training.plan import PlannedPhase, plan_phase
from headstart.training.records import PhaseRecord
from headstart.training.timing import measure_cost
from headstart.transfer.strategy import SCRATCH

#: A training of fewer epochs says nothing about what the network could learn.
LEAST_EPOCHS = 5
#: Share of the budget that measuring the cost of a step may take beforehand.
_MEASURING = 0.05
#: So many training inputs say how to scale all of them.
_FITTED_TO = 2048


@dataclass(frozen=True, eq=False)
class LabelledInputs:
    """What a network is trained and judged on.

    Attributes:
        inputs: Positions ``(B,)`` to a batch of inputs as prepared; called for every batch of every epoch.
        preprocess: How they were prepared; fitted to the training inputs before training.
        jitter: Changes a batch at random in small ways; ``None`` where nothing of the kind is known to be harmless.
        labels: Class numbers by position, ``(N,)``; those at test positions take no part.
        train: Positions to learn from.
        validation: Positions to choose the best epoch by.
        test: Positions to answer for once.
        classes: Number of classes.
    """

    inputs: Callable[[NDArray[np.int64]], NDArray[Any]]
    preprocess: Preprocess
    jitter: Jitter | None
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
        preprocess: How its inputs are prepared, fitted to the training inputs.
    """

    validation_probabilities: NDArray[np.float64]
    test_probabilities: NDArray[np.float64]
    backbone: dict[str, NDArray[Any]]
    head: dict[str, NDArray[Any]]
    preprocess: Preprocess


@dataclass(frozen=True, eq=False)
class ScratchRun:
    """What training from random weights came to.

    Attributes:
        planned: What the budget allowed for; ``None`` where somebody asked to stop before it was planned.
        record: What the epochs brought; ``None`` where too few fitted into the budget, and nothing was trained.
        network: The result; ``None`` likewise.
    """

    planned: PlannedPhase | None
    record: PhaseRecord | None = None
    network: TrainedNetwork | None = None


def train_from_scratch(
    backbone: StagedBackbone,
    data: LabelledInputs,
    *,
    budget: float,
    seed: int,
    progress: Progress,
    work: TrainingWork | None = None,
) -> ScratchRun:
    """Trains a backbone that has random weights, together with a new head, as :data:`SCRATCH` says.

    Args:
        backbone: Changed in place.
        data: Inputs as the backbone is to see them.
        budget: Seconds of training, turned into epochs before it starts.
        seed: Of the head, the order and the augmentation.
        progress: Hears about every step.
        work: Where the training keeps its plan and its snapshots; what is there already is followed and taken up.

    Returns:
        The run; without a network where fewer than :data:`LEAST_EPOCHS` epochs fit into the budget, or where
        ``work.stop`` was true before it had begun.
    """
    if work is not None and work.stop() and not work.has_begun:
        return ScratchRun(None)
    task = Classification(data.classes)
    network = _with_head(backbone, task, seed)
    data = replace(data, preprocess=data.preprocess.fitted_to(_some_of(data)))
    loop = Loop(
        network,
        task,
        train=_examples(data, data.train),
        validation=_examples(data, data.validation),
        seed=seed,
        progress=progress,
        checkpoints=work.checkpoints if work else None,
        log=work.log if work else None,
        stop=work.stop if work else None,
    )
    planned = _stored_plan(loop, budget, work) if work else _plan(loop, budget)
    if planned.epochs < LEAST_EPOCHS:
        return ScratchRun(planned)
    (record,) = loop.fit([planned])
    return ScratchRun(planned, record, _trained(network, task, data))


def _stored_plan(loop: Loop, budget: float, work: TrainingWork) -> PlannedPhase:
    """The plan that an earlier start stored, or a new one, stored before it is followed."""
    if work.plan.exists():
        return PlannedPhase.from_json(json.loads(work.plan.read_text(encoding="utf-8")))
    planned = _plan(loop, budget)
    write_json(work.plan, planned.to_json())
    return planned


def _plan(loop: Loop, budget: float) -> PlannedPhase:
    """Times a step and counts the epochs that the budget buys."""
    (phase,) = SCRATCH.phases
    loop.progress.start("timing a step")
    cost = measure_cost(
        loop.network,
        loop.task,
        train=loop.train,
        validation=loop.validation,
        phase=phase,
        most_seconds=_MEASURING * budget,
    )
    planned = plan_phase(phase, cost, examples=len(loop.train), budget=budget)
    loop.progress.finish(f"epochs that fit into {budget:.0f} s: {planned.epochs}")
    return planned


def _with_head(backbone: StagedBackbone, task: Classification, seed: int) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Network(backbone, task.build_head(backbone))


def _some_of(data: LabelledInputs) -> Iterator[NDArray[Any]]:
    """At most :data:`_FITTED_TO` training inputs, evenly spaced, in batches."""
    step = -(-len(data.train) // _FITTED_TO)
    for places in np.array_split(data.train[::step], max(1, len(data.train) // step // 256)):
        yield data.inputs(places)


def _examples(data: LabelledInputs, positions: NDArray[np.int64]) -> InputExamples:
    return InputExamples(
        lambda rows, _: data.inputs(positions[rows]),
        data.labels[positions],
        preprocess=data.preprocess,
        jitter=data.jitter,
    )


def _trained(network: Network, task: Classification, data: LabelledInputs) -> TrainedNetwork:
    validation, test = (
        np.concatenate(answers(network, task, _examples(data, positions))) for positions in (data.validation, data.test)
    )
    backbone, head = state_arrays(network.backbone.model), state_arrays(network.head)
    return TrainedNetwork(validation, test, backbone, head, data.preprocess)
