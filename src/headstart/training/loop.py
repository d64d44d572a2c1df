"""The training loop: a chain of short steps, each of which can be overridden alone.

    fit
    ├── begin                 anew, or where a snapshot says
    └── run_phase
        ├── begin_phase       place the boundary, build the optimizer
        └── run_epochs        keep the best; the proof that what lies below the boundary stays goes around it
            └── run_epoch
                ├── batches   which examples, in which order
                ├── train_step   one update: see :mod:`headstart.training.update`
                ├── save_when_due
                └── validate

It runs the phases of a plan and knows no strategy's name. Whatever it does follows from the plan, the seed and the
examples; the clock is read for the record and for when to save. Chance is a function of where the training stands
(:mod:`headstart.training.chance`), so a training that goes on from a snapshot ends with the same bits.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

import numpy as np
import torch

from headstart.core.progress import Progress, Silent
from headstart.tasks.contract import Task
from headstart.training.allocation import kept_memory
from headstart.training.chance import seed_of
from headstart.training.checkpoints import Checkpoints
from headstart.training.examples import Batch, Examples
from headstart.training.frozen import proved_frozen
from headstart.training.inference import held_out_loss
from headstart.training.network import Network
from headstart.training.plan import PlannedPhase
from headstart.training.records import Ended, Ending, EpochRecord, Interrupted, NotFinite, PhaseRecord
from headstart.training.resuming import Resumption
from headstart.training.running import RunningPhase
from headstart.training.state import TrainingState
from headstart.training.step_log import StepLog
from headstart.training.threads import computing_threads
from headstart.training.update import Update


class Loop(Update):
    """Trains a network.

    Args:
        network: Changed in place; after :meth:`fit` it holds the best state by validation loss.
        task: Its loss is what training makes small; by its held-out loss the best epoch is chosen.
        train: Examples to learn from.
        validation: Examples to choose the best epoch by.
        seed: Of order, augmentation and dropout.
        progress: Hears about every step.
        checkpoints: Where to save snapshots; one that is there already is where :meth:`fit` goes on.
        log: Told every step and every epoch.
        stop: Asked before every step; once it is true, the training saves a snapshot and ends.
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
        checkpoints: Checkpoints | None = None,
        log: StepLog | None = None,
        stop: Callable[[], bool] | None = None,
    ) -> None:
        self.network, self.task = network, task
        self.train, self.validation = train, validation
        self.seed, self.progress = seed, progress or Silent()
        self.checkpoints, self.log, self.stop = checkpoints, log, stop
        self.state = TrainingState()
        self.resumption: Resumption | None = None

    def fit(self, plan: Sequence[PlannedPhase]) -> list[PhaseRecord]:
        """Runs the phases one after the other; one that met something not finite or was interrupted is the last.

        Raises:
            RunFolderError: The snapshot is damaged, or belongs to another training.
            EngineError: There is no memory even for one example at a time.
            StorageError: A snapshot or the log cannot be written.
        """
        with torch.random.fork_rng(), kept_memory():
            self.begin(plan)
            while not self.state.has_ended(len(plan)):
                planned = plan[self.state.phase]
                with computing_threads(planned.threads):
                    record = self.run_phase(planned)
                if record.ending == "interrupted":
                    return [*self.state.records, record]
                self.state.end_phase(record)
                self.save()
        return self.state.records

    def begin(self, plan: Sequence[PlannedPhase]) -> None:
        """Goes back to where the snapshot was taken; without one, takes the first."""
        self.state, self.resumption = TrainingState(), None
        if self.checkpoints is None:
            return
        settings = {"seed": self.seed, "number of examples": [len(self.train), len(self.validation)]}
        self.resumption = Resumption(self.checkpoints, self.network, plan, settings)
        if (found := self.resumption.load()) is None:
            self.save()
            return
        self.state, log_bytes = found
        if self.log is not None:
            self.log.rewind(log_bytes)
        if self.state.records:
            self.place(plan[self.state.phase - 1])

    def run_phase(self, planned: PlannedPhase) -> PhaseRecord:
        """Runs the epochs of a phase and leaves the network in the best state that was reached."""
        self.begin_phase(planned)
        named = f"training {self.log.training}" if self.log and self.log.training else "training"
        self.progress.start(named, total=planned.steps)
        self.progress.advance(self.state.epoch * planned.steps_per_epoch + self.state.step)
        with proved_frozen(self.network.backbone, self.network.boundary) as proof:
            self.state.frozen = proof
            ending, reason = self.run_epochs(planned)
            self.running.kept.restore(self.network)
        self.progress.finish(reason)
        epochs, accumulation = tuple(self.state.epochs), self.state.accumulation
        return PhaseRecord(epochs, self.running.kept.epoch, ending, reason, proof, accumulation)

    def begin_phase(self, planned: PlannedPhase) -> None:
        """Prepares the network and the optimizer for a phase, or for the rest of it."""
        self.place(planned)
        self.running = RunningPhase(self.network, planned)
        if self.resumption is not None:
            self.resumption.restore(self.running)

    def place(self, planned: PlannedPhase) -> None:
        """Puts the boundary where the phase wants it, and the kernels into its memory layout."""
        self.network.lay_out(planned.layout)
        self.network.place_boundary(planned.phase)

    def run_epochs(self, planned: PlannedPhase) -> tuple[Ending, str]:
        """Goes on until the plan, early stopping, an interruption or something not finite ends it."""
        state, kept = self.state, self.running.kept
        while state.epoch < planned.epochs:
            try:
                record = self.run_epoch(planned)
            except Ended as end:
                return end.ending, f"stopped in epoch {state.epoch + 1}: {end}; kept {kept}"
            kept.consider(self.network, state.epoch, record.validation_loss)
            self.log_epoch(record)
            state.end_epoch(record)
            if state.epoch == planned.epochs:
                break
            if state.epoch - 1 - (kept.epoch or 0) >= planned.phase.patience:
                return "early stopping", f"stopped early after epoch {state.epoch}; kept {kept}"
            self.save_when_due(epoch_ended=True)
        return "as planned", f"{planned.epochs} epochs; kept {kept}"

    def run_epoch(self, planned: PlannedPhase) -> EpochRecord:
        """Goes once through the training examples, or through those still to come, then validates.

        Raises:
            Interrupted: Somebody asked to stop; a snapshot has been saved.
            NotFinite: A loss or gradient is NaN or infinite.
        """
        begun = time.perf_counter() - self.state.seconds
        self.network.begin_training(planned.phase)
        for batch in self.batches(planned):
            if self.stop is not None and self.stop():
                self.save()
                raise Interrupted("interrupted")
            self.state.loss_sum += self.train_step(batch, planned) * batch.size
            self.state.seconds = time.perf_counter() - begun
            self.progress.advance()
            self.save_when_due(epoch_ended=False)
        validation_loss = self.validate()
        return EpochRecord(self.state.loss_sum / len(self.train), validation_loss, time.perf_counter() - begun)

    def batches(self, planned: PlannedPhase) -> Iterator[Batch]:
        """The epoch's order in batches of equal size (give or take one), from the present step on."""
        epoch = (self.seed, self.state.phase, self.state.epoch)
        order = torch.randperm(len(self.train), generator=torch.Generator().manual_seed(seed_of(*epoch))).numpy()
        parts = np.array_split(order, planned.steps_per_epoch)
        for step in range(self.state.step, len(parts)):
            yield self.train.batch(parts[step], torch.Generator().manual_seed(seed_of(*epoch, step)))

    def validate(self) -> float:
        """The held-out loss on the validation examples.

        Raises:
            NotFinite: It is NaN or infinite.
        """
        loss = held_out_loss(self.network, self.task, self.validation)
        if not math.isfinite(loss):
            raise NotFinite(f"the validation loss is {loss}")
        return loss

    def save_when_due(self, *, epoch_ended: bool) -> None:
        """Saves a snapshot when it is time for one."""
        if self.checkpoints is not None and self.checkpoints.due(epoch_ended=epoch_ended):
            self.save()

    def save(self) -> None:
        """Saves a snapshot where there is a place for it."""
        if self.resumption is not None:
            running = self.running if self.state.frozen is not None else None
            self.resumption.save(self.state, running, log_bytes=self.log.synced() if self.log is not None else 0)

    def log_epoch(self, record: EpochRecord) -> None:
        """Tells the log what an epoch brought."""
        if self.log is not None:
            self.log.write({"phase": self.state.phase, "epoch": self.state.epoch + 1, **asdict(record)})
