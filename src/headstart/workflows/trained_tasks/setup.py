"""What all trainings of one fit have in common: the task, the seed, the device, and where they are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from headstart.core.machine import training_device
from headstart.core.progress import Progress
from headstart.core.unfinished import UnfinishedRun
from headstart.training.checkpoints import TrainingWork
from headstart.training.step_log import Listener

if TYPE_CHECKING:
    from headstart.backbones.stages import StagedBackbone
    from headstart.tasks.contract import Task
    from headstart.training.network import Network
    from headstart.transfer.task_training import Trainer


@dataclass(frozen=True)
class TrainingSetup:
    """What all trainings of one fit have in common.

    Attributes:
        make_task: Makes the task; called only where something trains, since that imports torch.
        seed: Of everything random.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        unfinished: Where plans and trainings are kept until the run is whole.
        stop: Whether somebody asked to stop.
        listeners: Hear of every training step.
        progress: Hears how far it is.
    """

    make_task: Callable[[], Task]
    seed: int
    device: str
    unfinished: UnfinishedRun
    stop: Callable[[], bool]
    listeners: tuple[Listener, ...]
    progress: Progress

    @cached_property
    def task(self) -> Task:
        """Head and loss."""
        return self.make_task()

    @property
    def where(self) -> str:
        """``"cpu"`` or ``"cuda"``."""
        return training_device(self.device)

    @cached_property
    def trainer(self) -> Trainer:
        """Trains networks for the task."""
        from headstart.transfer.task_training import Trainer

        return Trainer(self.task, self.seed, self.progress)

    def work(self, name: str) -> TrainingWork:
        """Where a training keeps what it needs to be taken up again."""
        return TrainingWork(self.unfinished.folder(name), self.stop, self.listeners, name)

    def may_begin(self, name: str) -> bool:
        """Whether a training is to be gone into; one that had begun is taken up even after somebody asked to stop."""
        return not self.stop() or self.work(name).has_begun

    def network(self, backbone: StagedBackbone, head: Mapping[str, NDArray[Any]] | None = None) -> Network:
        """A network whose head is drawn from the seed, or given as the arrays of its state."""
        import torch

        from headstart.training.network import Network

        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            network = Network(backbone, self.task.build_head(backbone))
        if head is not None:
            network.head.load_state_dict({name: torch.from_numpy(values) for name, values in head.items()})
        return network.to(self.where)
