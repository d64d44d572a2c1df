"""Trainings of networks by whatever loss their task has: phases as planned, or as a budget buys."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from numpy.typing import NDArray

from headstart.backbones.conversion import state_arrays
from headstart.core.files import write_json
from headstart.core.progress import Progress
from headstart.tasks.contract import Task
from headstart.training.checkpoints import TrainingWork
from headstart.training.examples import Examples
from headstart.training.loop import Loop
from headstart.training.memory import named_out_of_memory
from headstart.training.network import Network
from headstart.training.phase import Phase
from headstart.training.plan import PhaseCost, PlannedPhase, plan_phase, steps_per_epoch
from headstart.training.records import PhaseRecord
from headstart.training.timing import measure_cost
from headstart.transfer.scratch import LEAST_EPOCHS


@dataclass(frozen=True, eq=False)
class Trained:
    """What a training came to.

    Attributes:
        network: In its best state by held-out loss; ``None`` where nobody needs it any more.
        planned: Its phases.
        records: What they brought; none where nothing was trained.
    """

    network: Network | None
    planned: tuple[PlannedPhase, ...]
    records: tuple[PhaseRecord, ...]

    @property
    def reason(self) -> str:
        """Why it ended, in a sentence."""
        return "; ".join(record.reason for record in self.records)

    @property
    def moved(self) -> bool:
        """Whether an epoch was kept; otherwise the network is what it was before."""
        return any(record.best is not None for record in self.records)

    @property
    def epochs(self) -> int:
        """Epochs that were finished."""
        return sum(len(record.epochs) for record in self.records)

    @property
    def seconds(self) -> float:
        """Time that they took, in whichever process."""
        return sum(epoch.seconds for record in self.records for epoch in record.epochs)

    @property
    def held_out_loss(self) -> float:
        """The lowest one of all epochs; infinite where none was finished."""
        losses = [epoch.validation_loss for record in self.records for epoch in record.epochs]
        return min(losses, default=float("inf"))

    def arrays(self) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any]]]:
        """The backbone's weights under the source model's names, and the head's.

        Raises:
            ValueError: The network has been let go of.
        """
        if self.network is None:
            raise ValueError("Expected the network to be kept, but another one was better.")
        return state_arrays(self.network.backbone.model), state_arrays(self.network.head)


@dataclass(frozen=True)
class Trainer:
    """Trains networks on the same examples.

    Attributes:
        task: Its loss is what training makes small.
        seed: Of order and dropout.
        progress: Hears about every step.
    """

    task: Task
    seed: int
    progress: Progress

    def train(
        self,
        network: Network,
        phases: Sequence[Phase],
        *,
        train: Examples,
        validation: Examples,
        work: TrainingWork,
        measuring: float = 0.0,
    ) -> Trained:
        """All epochs of some phases, from where an earlier process left them if one did.

        Args:
            network: Changed in place.
            phases: What to do.
            train: Examples to learn from.
            validation: Examples to choose the best epoch by.
            work: Where plan, snapshot and step log are kept.
            measuring: Seconds for choosing precision, layout and threads; 0 takes float32 and one thread, which suits
                steps that are small, and gives the same bits each time.
        """

        def planned(phase: Phase) -> PlannedPhase:
            cost = PhaseCost("float32", 0.0, 0.0, threads=1)
            if measuring:
                cost = self._cost(network, phase, train, validation, measuring)
            steps = steps_per_epoch(phase, len(train))
            seconds = steps * cost.step_seconds + cost.validation_seconds
            return PlannedPhase(phase, phase.epochs, steps, cost.precision, seconds, cost.threads, cost.layout)

        with named_out_of_memory(phases[0].batch_size):
            plan = _stored(work, lambda: [planned(phase) for phase in phases])
            return self._run(network, plan, train, validation, work)

    def train_within(
        self,
        network: Network,
        phase: Phase,
        *,
        train: Examples,
        validation: Examples,
        work: TrainingWork,
        budget: float,
    ) -> Trained:
        """As many epochs of a phase as a budget of seconds buys; none where these are too few to say anything."""

        def planned() -> list[PlannedPhase]:
            self.progress.start("timing a step")
            cost = self._cost(network, phase, train, validation, 0.05 * budget)
            found = plan_phase(phase, cost, examples=len(train), budget=budget)
            self.progress.finish(f"epochs that fit into {budget:.0f} s: {found.epochs}")
            return [found]

        with named_out_of_memory(phase.batch_size):
            plan = _stored(work, planned)
            if plan[0].epochs < LEAST_EPOCHS:
                return Trained(network, tuple(plan), ())
            return self._run(network, plan, train, validation, work)

    def _cost(self, network: Network, phase: Phase, train: Examples, validation: Examples, seconds: float) -> PhaseCost:
        return measure_cost(network, self.task, train=train, validation=validation, phase=phase, most_seconds=seconds)

    def _run(
        self,
        network: Network,
        plan: Sequence[PlannedPhase],
        train: Examples,
        validation: Examples,
        work: TrainingWork,
    ) -> Trained:
        loop = Loop(
            network,
            self.task,
            train=train,
            validation=validation,
            seed=self.seed,
            progress=self.progress,
            checkpoints=work.checkpoints,
            log=work.log,
            stop=work.stop,
        )
        return Trained(network, tuple(plan), tuple(loop.fit(plan)))


def _stored(work: TrainingWork, make: Callable[[], list[PlannedPhase]]) -> list[PlannedPhase]:
    """The plan that an earlier start stored, or a new one, stored before it is followed."""
    if work.plan.exists():
        return [PlannedPhase.from_json(values) for values in json.loads(work.plan.read_bytes())]
    plan = make()
    write_json(work.plan, [asdict(planned) for planned in plan])
    return plan
