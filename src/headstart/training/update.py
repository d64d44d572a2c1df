"""One update of a network: the inner half of the training loop.

train_step
├── gradients         in as many parts as memory asks for
│   └── accumulate
│       ├── outputs   forward: below the boundary, then above it
│       └── backward  and a stop where the loss is not finite
├── clip              and a stop where the gradient is not finite
├── log_step
└── update            the optimizer and its schedule
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from headstart.core.progress import Progress
from headstart.tasks.contract import Task
from headstart.training.chance import seed_of
from headstart.training.examples import Batch
from headstart.training.memory import UnlessOutOfMemory, free_memory, no_room
from headstart.training.network import Network
from headstart.training.plan import PlannedPhase
from headstart.training.records import NotFinite
from headstart.training.running import RunningPhase
from headstart.training.state import TrainingState
from headstart.training.step_log import StepLog

#: Sets the chance of dropout apart from that of the batch.
_DROPOUT = 1


class Update:
    """The steps of one update, each of which can be overridden alone; see :class:`headstart.training.loop.Loop`.

    Attributes:
        network: What trains.
        task: Its loss is what training makes small.
        seed: Of order, augmentation and dropout.
        progress: Hears when memory ran out.
        log: Told every step.
        state: Where the training stands.
        running: The optimizer and schedule of the present phase.
    """

    network: Network
    task: Task
    seed: int
    progress: Progress
    log: StepLog | None
    state: TrainingState
    running: RunningPhase

    def train_step(self, batch: Batch, planned: PlannedPhase) -> float:
        """One update of what lies above the boundary; returns the loss before it."""
        loss = self.gradients(batch, planned)
        norm = self.clip(planned)
        self.log_step(loss, norm)
        self.update()
        self.state.step += 1
        self.state.steps += 1
        return loss

    def gradients(self, batch: Batch, planned: PlannedPhase) -> float:
        """The batch's mean loss, and its gradients; where memory runs out, in twice as many parts from now on.

        Batch norm that trains sees each part by itself; without it the parts give what the whole batch would.

        Raises:
            EngineError: There is no memory even for one example at a time.
            NotFinite: The loss is NaN or infinite.
        """
        while True:
            with UnlessOutOfMemory():
                return self.accumulate(batch, planned)
            self.split_further(batch)

    def accumulate(self, batch: Batch, planned: PlannedPhase) -> float:
        """Adds up the gradients of the batch's parts, each weighted by its share of the examples."""
        state = self.state
        seed_dropout(seed_of(self.seed, state.phase, state.epoch, state.step, _DROPOUT), self.network.device)
        self.running.optimizer.zero_grad()
        total = 0.0
        for part in batch.split(self.state.accumulation):
            with self.autocast(planned):
                loss = self.task.loss(self.outputs(part), part.targets) * (part.size / batch.size)
            self.backward(loss)
            total += loss.item()
        return total

    def split_further(self, batch: Batch) -> None:
        """Doubles the number of parts; what has been added up so far is discarded."""
        if self.state.accumulation >= batch.size:
            raise no_room(batch.size)
        self.running.optimizer.zero_grad()
        free_memory()
        self.state.accumulation *= 2
        self.progress.say(
            f"Out of memory: from here on each batch is split into {self.state.accumulation} parts, "
            "whose gradients are added up."
        )

    def autocast(self, planned: PlannedPhase) -> torch.autocast:
        """Matrix products in the planned precision."""
        return torch.autocast(self.network.device.type, torch.bfloat16, enabled=planned.precision == "bfloat16")

    def outputs(self, batch: Batch) -> Any:
        """The head's outputs for a batch."""
        return self.network(batch.inputs, batch.targets, batch.start, batch.context)

    def backward(self, loss: Tensor) -> None:
        """Adds a loss's gradients to those that are there.

        Raises:
            NotFinite: The loss is NaN or infinite.
        """
        if not math.isfinite(value := loss.item()):
            raise NotFinite(f"the training loss is {value}")
        loss.backward()  # type: ignore[no-untyped-call]

    def clip(self, planned: PlannedPhase) -> float:
        """Scales the gradient down where it is too long; returns its norm before.

        Raises:
            NotFinite: It is NaN or infinite; no parameter has been touched by it.
        """
        moving = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        norm = float(nn.utils.clip_grad_norm_(moving, planned.phase.regulariser.gradient_norm))
        if not math.isfinite(norm):
            raise NotFinite(f"the gradient's norm is {norm}")
        return norm

    def update(self) -> None:
        """One step of the optimizer and of its schedule."""
        self.running.optimizer.step()
        self.running.schedule.step()

    def log_step(self, loss: float, norm: float) -> None:
        """Tells the log what the update is about to do; epochs and steps count from 1."""
        if self.log is None:
            return
        state = self.state
        entry = {"phase": state.phase, "epoch": state.epoch + 1, "step": state.steps + 1, "loss": loss}
        rate = max(float(group["lr"]) for group in self.running.optimizer.param_groups)
        self.log.write({**entry, "learning_rate": rate, "gradient_norm": norm, "accumulation": state.accumulation})


def seed_dropout(seed: int, device: torch.device) -> None:
    """Sets torch's own chance; on the CPU alone that takes a hundredth of ``torch.manual_seed``'s 0.1 ms."""
    if device.type == "cpu":
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)
