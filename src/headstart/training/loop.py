"""The training loop: a chain of short steps, each of which can be overridden alone.

    fit
    └── run_phase             place the boundary, prove that what is below it stays, keep the best epoch
        └── run_epoch
            ├── batches       which examples, in which order
            ├── train_step    one update
            │   ├── outputs   forward: below the boundary, then above it
            │   ├── backward  gradients, and a stop where something is not finite
            │   └── update    the optimizer and its schedule
            └── validate

It runs the phases of a plan and knows no strategy's name. Whatever it does follows from the plan, the seed and the
examples; the clock is read for the record only.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from headstart.core.progress import Progress, Silent
from headstart.tasks.contract import Task
from headstart.training.examples import Batch, Examples
from headstart.training.frozen import FrozenProof, proved_frozen
from headstart.training.inference import mean_loss
from headstart.training.network import Network
from headstart.training.optimizer import build_optimizer, build_schedule
from headstart.training.plan import PlannedPhase
from headstart.training.threads import computing_threads

Ending = Literal["as planned", "early stopping", "not finite"]


class NotFinite(Exception):  # noqa: N818 -- it says what was found; fit ends with it instead of raising it
    """A loss or gradient is NaN or infinite."""


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What an epoch brought.

    Attributes:
        train_loss: Mean over the epoch's batches, as they were trained on.
        validation_loss: Mean over the validation examples after the epoch.
        seconds: How long it took.
    """

    train_loss: float
    validation_loss: float
    seconds: float


@dataclass(frozen=True, slots=True)
class PhaseRecord:
    """What a phase brought.

    Attributes:
        epochs: The epochs that were finished.
        best: Number of the epoch whose state was kept, from 0; ``None`` where that is the state before the phase.
        ending: Why the phase ended.
        reason: The same in a sentence.
        frozen: The proof that what lies below the boundary did not move.
    """

    epochs: tuple[EpochRecord, ...]
    best: int | None
    ending: Ending
    reason: str
    frozen: FrozenProof


class Loop:
    """Trains a network.

    Args:
        network: Changed in place; after :meth:`fit` it holds the best state by validation loss.
        task: Its loss is what training makes small.
        train: Examples to learn from.
        validation: Examples to choose the best epoch by.
        seed: Of order, augmentation and dropout.
        progress: Hears about every step.
    """

    def __init__(
        self,
        network: Network,
        task: Task,
        *,
        train: Examples,
        validation: Examples,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> None:
        self.network, self.task = network, task
        self.train, self.validation = train, validation
        self.seed, self.progress = seed, progress or Silent()
        self.generator = torch.Generator().manual_seed(seed)

    def fit(self, plan: Sequence[PlannedPhase]) -> list[PhaseRecord]:
        """Runs the phases one after the other; a phase that met something not finite is the last."""
        records: list[PhaseRecord] = []
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            for planned in plan:
                with computing_threads(planned.threads):
                    records.append(self.run_phase(planned))
                if records[-1].ending == "not finite":
                    break
        return records

    def run_phase(self, planned: PlannedPhase) -> PhaseRecord:
        """Runs the epochs of a phase and leaves the network in the best state that was reached."""
        self.begin_phase(planned)
        with proved_frozen(self.network.backbone, self.network.boundary) as proof:
            kept = _Kept(self.network)
            epochs, ending, reason = self.run_epochs(planned, kept)
            kept.restore(self.network)
        self.progress.finish(reason)
        return PhaseRecord(tuple(epochs), kept.epoch, ending, reason, proof)

    def begin_phase(self, planned: PlannedPhase) -> None:
        """Places the boundary and prepares the optimizer for what lies above it."""
        self.progress.start(f"training, {planned.epochs} epochs", total=planned.steps)
        self.network.place_boundary(planned.phase)
        self.optimizer = build_optimizer(self.network, planned.phase)
        self.schedule = build_schedule(self.optimizer, steps=planned.steps, warm_up=planned.phase.warm_up)

    def run_epochs(self, planned: PlannedPhase, kept: _Kept) -> tuple[list[EpochRecord], Ending, str]:
        """Goes on until the plan, early stopping or something not finite ends it."""
        records: list[EpochRecord] = []
        for number in range(planned.epochs):
            try:
                records.append(self.run_epoch(planned))
            except NotFinite as stop:
                return records, "not finite", f"stopped in epoch {number + 1}: {stop}; kept {kept}"
            kept.consider(self.network, number, records[-1].validation_loss)
            unfinished = number + 1 < planned.epochs
            if unfinished and number - (kept.epoch or 0) >= planned.phase.patience:
                return records, "early stopping", f"stopped early after epoch {number + 1}; kept {kept}"
        return records, "as planned", f"{planned.epochs} epochs; kept {kept}"

    def run_epoch(self, planned: PlannedPhase) -> EpochRecord:
        """Goes once through the training examples, then validates."""
        begun = time.perf_counter()
        self.network.begin_training(planned.phase)
        total = 0.0
        for batch in self.batches(planned):
            total += self.train_step(batch, planned) * batch.size
            self.progress.advance()
        validation_loss = self.validate()
        return EpochRecord(total / len(self.train), validation_loss, time.perf_counter() - begun)

    def batches(self, planned: PlannedPhase) -> Iterator[Batch]:
        """All training examples in a new order, in batches of equal size (give or take one)."""
        order = torch.randperm(len(self.train), generator=self.generator).numpy()
        for rows in np.array_split(order, planned.steps_per_epoch):
            yield self.train.batch(rows, self.generator)

    def train_step(self, batch: Batch, planned: PlannedPhase) -> float:
        """One update of what lies above the boundary; returns the loss before it."""
        with self.autocast(planned):
            loss = self.task.loss(self.outputs(batch), batch.targets)
        self.backward(loss, planned)
        self.update()
        return loss.item()

    def autocast(self, planned: PlannedPhase) -> torch.autocast:
        """Matrix products in the planned precision."""
        device = next(self.network.parameters()).device.type
        return torch.autocast(device, torch.bfloat16, enabled=planned.precision == "bfloat16")

    def outputs(self, batch: Batch) -> Any:
        """The head's outputs for a batch."""
        return self.network(batch.inputs, batch.targets)

    def backward(self, loss: Tensor, planned: PlannedPhase) -> None:
        """Gradients, scaled down where they are too long.

        Raises:
            NotFinite: The loss or the gradient is NaN or infinite; no parameter has been touched by it.
        """
        if not math.isfinite(value := loss.item()):
            raise NotFinite(f"the training loss is {value}")
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        moving = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        norm = float(nn.utils.clip_grad_norm_(moving, planned.phase.regulariser.gradient_norm))
        if not math.isfinite(norm):
            raise NotFinite(f"the gradient's norm is {norm}")

    def update(self) -> None:
        """One step of the optimizer and of its schedule."""
        self.optimizer.step()
        self.schedule.step()

    def validate(self) -> float:
        """The loss on the validation examples.

        Raises:
            NotFinite: It is NaN or infinite.
        """
        loss = mean_loss(self.network, self.task, self.validation)
        if not math.isfinite(loss):
            raise NotFinite(f"the validation loss is {loss}")
        return loss


class _Kept:
    """The best state so far; at first the one before the phase."""

    def __init__(self, network: nn.Module) -> None:
        self.epoch: int | None = None
        self.loss = math.inf
        self._state = _copy(network)

    def consider(self, network: nn.Module, epoch: int, loss: float) -> None:
        if loss < self.loss:
            self.epoch, self.loss, self._state = epoch, loss, _copy(network)

    def restore(self, network: nn.Module) -> None:
        network.load_state_dict(self._state)

    def __str__(self) -> str:
        if self.epoch is None:
            return "the state before it"
        return f"epoch {self.epoch + 1} (validation loss {self.loss:.3f})"


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}
