"""What a run says about its tuning, typed: the decision and its plan, the learning curves, what changed per stage."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Literal


@dataclass(frozen=True, slots=True)
class InvarianceRecord:
    """A change of the items that was tried on the probe, and whether it is made in training."""

    name: str
    accuracy: float
    unchanged_accuracy: float
    admitted: bool


@dataclass(frozen=True, slots=True)
class FrozenRecord:
    """The stages below a boundary, and the hash of their parameters and buffers, the same before and after."""

    stages: tuple[str, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One step of the plan: a boundary and a learning rate, what was predicted and what it came to.

    Attributes:
        name: As people call it; unique in the plan.
        strategy: ``"partial"``, ``"finetune"``, ...
        boundary: The lowest stage that trains, or ``"bottom"``.
        learning_rate: The largest of the stages' peak rates.
        status: How it ended.
        reason: The same in a sentence; empty where there is no more to say.
        epochs: As planned.
        epochs_run: As trained.
        views: Augmented views per item that were cached; 0 without a cache.
        below: How the activations at the boundary were come by.
        share_below: Share of the forward cost below the boundary, in [0, 1].
        precision: Of the computation; ``None`` where it was not run.
        layout: Of the memory; ``None`` where it was not run.
        threads: Of the computation; ``None`` where it was not run or the library chose.
        accumulation: Parts into which memory forced each batch.
        predicted_seconds: As planned.
        predicted_seconds_otherwise: With the cache where there was none, without it where there was one.
        seconds: As taken.
        cache_bytes: Size of the boundary cache.
        validation_accuracy: As reached.
        frozen: The stages below the boundary, unchanged.
    """

    name: str
    strategy: str
    boundary: str
    learning_rate: float
    status: Literal["ok", "interrupted", "not run", "failed"]
    reason: str
    epochs: int
    epochs_run: int
    below: Literal["cached", "computed each time", "nothing"]
    precision: str | None
    layout: str | None
    predicted_seconds: float | None
    views: int = 0
    share_below: float | None = None
    threads: int | None = None
    accumulation: int = 1
    predicted_seconds_otherwise: float | None = None
    seconds: float | None = None
    cache_bytes: int | None = None
    validation_accuracy: float | None = None
    frozen: FrozenRecord | None = None


@dataclass(frozen=True, slots=True)
class GainRecord:
    """A paired difference in accuracy with its 95 % interval, in shares of one."""

    difference: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """How the boundary was placed: every step of the plan, which model was chosen and why, and what it cost.

    Attributes:
        chosen: Name of a step, or of the probe.
        reason: Why, in a sentence.
        ended: Why no more was tried, in a sentence.
        budget_seconds: What tuning was allowed.
        seconds: What it took.
        steps: The plan, in order.
        invariances: The augmentations that were considered.
        over_probe: What the chosen model gains over the probe on the test split; ``None`` where it is the probe.
    """

    chosen: str
    reason: str
    ended: str
    budget_seconds: float | None
    seconds: float
    steps: tuple[StepRecord, ...] = ()
    invariances: tuple[InvarianceRecord, ...] = ()
    over_probe: GainRecord | None = None

    @property
    def chosen_step(self) -> StepRecord | None:
        """The step whose model was chosen; ``None`` where it is the probe."""
        return next((step for step in self.steps if step.name == self.chosen), None)

    @property
    def spent(self) -> tuple[float, ...]:
        """Seconds that were spent on tuning when each step ended."""
        return tuple(accumulate(step.seconds or 0.0 for step in self.steps))


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """One pass over the training split; losses in nats per item, ``None`` where they were not finite."""

    train_loss: float | None
    validation_loss: float | None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """A training, epoch by epoch; ``kept`` is the epoch, counted from 1, whose weights were used."""

    name: str
    kept: int | None
    epochs: tuple[EpochRecord, ...]

    def __post_init__(self) -> None:
        if self.kept is not None and not 1 <= self.kept <= len(self.epochs):
            raise ValueError(f"kept: expected an epoch from 1 to {len(self.epochs)}, but got {self.kept}")


@dataclass(frozen=True, slots=True)
class StageChangeRecord:
    """What training changed in one stage: relative weight distance, and linear CKA of its output."""

    name: str
    trained: bool
    weight_distance: float | None
    cka: float | None

    @property
    def frozen(self) -> bool:
        """Whether it was left as it was."""
        return not self.trained and not self.weight_distance
