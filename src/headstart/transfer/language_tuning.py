"""Training a language model within a budget, and asking it for every token of a text."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.files import write_json
from headstart.core.progress import Progress
from headstart.tasks.language_head import IGNORED
from headstart.tasks.language_model import LanguageModelling
from headstart.training.checkpoints import TrainingWork
from headstart.training.examples import Batch
from headstart.training.inference import forward
from headstart.training.language_examples import LanguageExamples
from headstart.training.loop import Loop
from headstart.training.memory import named_out_of_memory
from headstart.training.phase import LearningRates, Phase, Regulariser
from headstart.training.plan import PlannedPhase, plan_phase
from headstart.training.records import PhaseRecord
from headstart.training.timing import measure_cost
from headstart.training.token_network import TokenNetwork

#: Peak rate of a network whose token states have one dimension; wider ones train more slowly, in proportion (Yang et
#: al. 2021, "Tensor Programs V"). 64 dimensions come to 8e-4 and, from random weights, 3e-3; 768 to 7e-5 and 3e-4.
TUNING_RATE, SCRATCH_RATE = 0.05, 0.2
#: Share of the budget that measuring the cost of a step may take.
_MEASURING = 0.08
_BATCH = 16


def tuning_phase(width: int) -> Phase:
    """All stages and the output layer, from pretrained weights whose token states have ``width`` dimensions."""
    rate = TUNING_RATE / width
    return Phase(
        boundary="bottom",
        learning_rates=LearningRates(head=rate, backbone=rate),
        epochs=20,
        batch_size=_BATCH,
        patience=4,
        regulariser=Regulariser(weight_decay=0.01, gradient_norm=1.0),
        warm_up=0.1,
    )


def head_phase(width: int) -> Phase:
    """A new output layer alone, so that it does not spoil the backbone before it has found its place."""
    rate = 10 * TUNING_RATE / width
    return replace(
        tuning_phase(width), boundary="top", learning_rates=LearningRates(head=rate, backbone=rate), epochs=1
    )


def scratch_phase(width: int) -> Phase:
    """All stages from random weights."""
    rate = SCRATCH_RATE / width
    phase = replace(tuning_phase(width), learning_rates=LearningRates(head=rate, backbone=rate))
    return replace(phase, epochs=60, patience=16, regulariser=Regulariser(weight_decay=0.1, gradient_norm=1.0))


@dataclass(frozen=True, slots=True)
class LanguagePlan:
    """What a budget buys.

    Attributes:
        phases: In order.
        blocks: How many of the training blocks are learned from, evenly spaced; all of them, unless the budget does
            not buy a single epoch.
    """

    phases: tuple[PlannedPhase, ...]
    blocks: int

    @property
    def epochs(self) -> int:
        """Epochs of all phases."""
        return sum(phase.epochs for phase in self.phases)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {"phases": [phase.to_json() for phase in self.phases], "blocks": self.blocks}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> LanguagePlan:
        """The plan that :meth:`to_json` wrote."""
        return cls(tuple(map(PlannedPhase.from_json, values["phases"])), values["blocks"])


@dataclass(frozen=True, eq=False)
class LanguageTraining:
    """What a training of a language model came to; its network is in its best state.

    Attributes:
        plan: What was planned.
        records: What its phases brought.
    """

    plan: LanguagePlan
    records: tuple[PhaseRecord, ...]

    @property
    def seconds(self) -> float:
        """Time that its epochs took, in whichever process."""
        return sum(epoch.seconds for record in self.records for epoch in record.epochs)

    @property
    def reason(self) -> str:
        """Why it ended."""
        return "; ".join(record.reason for record in self.records)

    def facts(self) -> dict[str, Any]:
        """What the manifest says of it."""
        frozen = asdict(self.records[-1].frozen) if self.records else {}
        return {**self.plan.to_json(), "frozen": frozen, "ending": self.reason}


#: Some blocks of tokens to examples.
Ask = Callable[[Sequence[NDArray[np.int32]]], LanguageExamples]


def train_language_model(
    network: TokenNetwork,
    task: LanguageModelling,
    phases: Sequence[Phase],
    *,
    blocks: Sequence[NDArray[np.int32]],
    validation: LanguageExamples,
    ask: Ask,
    budget: float,
    seed: int,
    work: TrainingWork,
    progress: Progress,
) -> LanguageTraining:
    """Trains a network in phases as long as the budget lasts, from where an earlier process left it if one did.

    Args:
        network: Changed in place; afterwards in the best state by validation.
        task: Whose loss is made small.
        phases: All but the last get the epochs that they ask for, the last what is left of the budget.
        blocks: To learn from.
        validation: To choose the best epoch by.
        ask: Blocks to examples.
        budget: Seconds, turned into epochs before it starts.
        seed: Of order, masks and dropout.
        work: Where plan, snapshot and step log are kept.
        progress: Hears about every step.
    """
    with named_out_of_memory(_BATCH):
        plan = _stored(work) or _planned(
            network, task, phases, train=ask(blocks), validation=validation, budget=budget, work=work, progress=progress
        )
        chosen = np.unique(np.linspace(0, len(blocks) - 1, plan.blocks).astype(np.int64))
        loop = Loop(
            network,
            task,
            train=ask([blocks[place] for place in chosen]),
            validation=validation,
            seed=seed,
            progress=progress,
            checkpoints=work.checkpoints,
            log=work.log,
            stop=work.stop,
        )
        return LanguageTraining(plan, tuple(loop.fit(plan.phases)))


def _stored(work: TrainingWork) -> LanguagePlan | None:
    return LanguagePlan.from_json(json.loads(work.plan.read_bytes())) if work.plan.exists() else None


def _planned(
    network: TokenNetwork,
    task: LanguageModelling,
    phases: Sequence[Phase],
    *,
    train: LanguageExamples,
    validation: LanguageExamples,
    budget: float,
    work: TrainingWork,
    progress: Progress,
) -> LanguagePlan:
    """Times a step of the last phase, which is the dearest, and counts what the budget buys."""
    progress.start("timing a step")
    cost = measure_cost(
        network, task, train=train, validation=validation, phase=phases[-1], most_seconds=_MEASURING * budget
    )
    left = (1 - _MEASURING) * budget
    count = min(len(train), _affordable(left, cost.step_seconds, cost.validation_seconds, phases))
    planned = []
    for phase in phases[:-1]:
        planned.append(plan_phase(phase, cost, examples=count, budget=left))
        left -= planned[-1].epochs * planned[-1].epoch_seconds
    last = plan_phase(phases[-1], cost, examples=count, budget=left)
    plan = LanguagePlan((*planned, replace(last, epochs=max(1, last.epochs))), count)
    write_json(work.plan, plan.to_json())
    progress.finish(f"{plan.epochs} epochs of {count} blocks in about {budget:.0f} s")
    return plan


def _affordable(seconds: float, step: float, validation: float, phases: Sequence[Phase]) -> int:
    """How many blocks can be gone through once in every phase."""
    each = seconds / len(phases) - validation
    return max(2, int(each / step)) * phases[-1].batch_size


def token_losses(network: TokenNetwork, examples: LanguageExamples) -> NDArray[np.float32]:
    """The loss of every token that is asked for, in the order of the blocks, ``(T,)``, in nats."""
    found = []
    for begin in range(0, len(examples), _BATCH):
        batch = examples.batch(np.arange(begin, min(begin + _BATCH, len(examples))), None)
        found.append(_asked(network, batch))
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def _asked(network: TokenNetwork, batch: Batch) -> NDArray[np.float32]:
    losses = forward(network, batch, with_targets=True)
    answered: NDArray[np.float32] = losses[batch.targets != IGNORED].float().cpu().numpy()
    return answered
