"""A budget in seconds becomes a plan of steps before training begins.

What a step costs is measured first (:mod:`headstart.training.timing`); from then on the plan counts, not the
clock, so that a result never depends on how busy the machine was later. A plan is plain data: stored, it can be
followed again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from headstart.training.phase import Phase

#: What the forward pass computes in; parameters and their updates are float32 in either.
Precision = Literal["float32", "bfloat16"]

#: How pictures and kernels lie in memory: a place's channels side by side, or a channel's places.
Layout = Literal["channels_last", "contiguous"]


@dataclass(frozen=True, slots=True)
class PhaseCost:
    """What a phase costs on this machine.

    Attributes:
        precision: The precision that was chosen.
        step_seconds: One optimizer step at that precision and layout, batch included.
        validation_seconds: One pass over the validation examples.
        threads: How many threads to compute with; ``None`` for torch's own choice.
        layout: The memory layout that was chosen.
    """

    precision: Precision
    step_seconds: float
    validation_seconds: float
    threads: int | None = None
    layout: Layout = "channels_last"


@dataclass(frozen=True, slots=True)
class PlannedPhase:
    """A phase and how much of it will be done.

    Attributes:
        phase: What to do.
        epochs: How often to go through the training examples; 0 where the budget buys none.
        steps_per_epoch: Optimizer steps in one epoch.
        precision: What the forward pass computes in.
        epoch_seconds: What an epoch was predicted to cost; told beside what it did cost, never acted on again.
        threads: How many threads to compute with; ``None`` for torch's own choice.
        layout: How pictures and kernels lie in memory.
    """

    phase: Phase
    epochs: int
    steps_per_epoch: int
    precision: Precision
    epoch_seconds: float
    threads: int | None = None
    layout: Layout = "channels_last"

    @property
    def steps(self) -> int:
        """Optimizer steps of the whole phase."""
        return self.epochs * self.steps_per_epoch

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PlannedPhase:
        """What :meth:`to_json` gave."""
        return cls(**{**values, "phase": Phase.from_json(values["phase"])})


def plan_phase(phase: Phase, cost: PhaseCost, *, examples: int, budget: float) -> PlannedPhase:
    """Grants a phase as many epochs as its budget buys, and no more than it asks for.

    Args:
        phase: What to do.
        cost: What it costs here.
        examples: Number of training examples.
        budget: Seconds for the phase.

    Returns:
        The plan.

    Example:
        >>> from headstart.training.phase import LearningRates
        >>> phase = Phase("bottom", LearningRates(0.1, 0.1), epochs=60, batch_size=32, patience=10)
        >>> plan_phase(phase, PhaseCost("float32", 0.5, 1.0), examples=320, budget=60).epochs
        10
    """
    steps = steps_per_epoch(phase, examples)
    epoch_seconds = steps * cost.step_seconds + cost.validation_seconds
    epochs = min(phase.epochs, int(budget / epoch_seconds))
    return PlannedPhase(phase, epochs, steps, cost.precision, epoch_seconds, cost.threads, cost.layout)


def steps_per_epoch(phase: Phase, examples: int) -> int:
    """Batches of at most ``phase.batch_size`` in one pass over ``examples`` examples."""
    return math.ceil(examples / phase.batch_size)
