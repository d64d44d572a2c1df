"""What a phase costs on this machine, measured on a copy of the network that is thrown away."""

from __future__ import annotations

import contextlib
import copy
import itertools
import time
from collections.abc import Callable

import numpy as np
import torch

from headstart.tasks.contract import Task
from headstart.training.examples import Examples
from headstart.training.inference import batch_loss
from headstart.training.loop import Loop, NotFinite
from headstart.training.network import Network
from headstart.training.phase import Phase
from headstart.training.plan import PhaseCost, PlannedPhase, Precision, steps_per_epoch

#: bfloat16 rounds more coarsely, so it has to be faster by this factor to be chosen.
BFLOAT16_GAIN = 1.25


def measure_cost(
    network: Network, task: Task, *, train: Examples, validation: Examples, phase: Phase, most_seconds: float
) -> PhaseCost:
    """Times a few training steps at either precision and a validation batch, and chooses the precision.

    Args:
        network: Copied first; neither it nor torch's random state changes.
        task: Its loss is trained on.
        train: Where the batches of the timed steps come from.
        validation: What a validation pass goes over.
        phase: Whose steps to time.
        most_seconds: Nothing is timed again once so much time has gone; each of the three is timed at least once.

    Returns:
        The cost of a step and of a validation pass.
    """
    share = most_seconds / 3
    steps: dict[Precision, float] = {}
    for precision in ("float32", "bfloat16"):
        with torch.random.fork_rng():
            loop = Loop(copy.deepcopy(network), task, train=train, validation=validation)
            steps[precision] = least_seconds(_step(loop, phase, precision), most_seconds=share)
    rows = np.arange(min(64, len(validation)))
    batch_seconds = least_seconds(
        lambda: batch_loss(loop.network, task, validation.batch(rows, None)), most_seconds=share
    )
    chosen: Precision = "bfloat16" if steps["bfloat16"] * BFLOAT16_GAIN < steps["float32"] else "float32"
    return PhaseCost(chosen, steps[chosen], batch_seconds * len(validation) / len(rows))


def least_seconds(work: Callable[[], object], *, most_seconds: float) -> float:
    """The shortest of up to twenty calls, fewer once ``most_seconds`` have gone.

    The shortest, not the median: whatever else the machine does can only add to a call, and a plan should depend on the
    machine alone.
    """
    durations = [_seconds(work)]
    while len(durations) < 20 and sum(durations) < most_seconds:
        durations.append(_seconds(work))
    return min(durations)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _step(loop: Loop, phase: Phase, precision: Precision) -> Callable[[], None]:
    planned = PlannedPhase(phase, 1, steps_per_epoch(phase, len(loop.train)), precision, 0.0)
    loop.begin_phase(planned)
    loop.network.begin_training(phase)
    batches = itertools.chain.from_iterable(loop.batches(planned) for _ in itertools.count())

    def step() -> None:
        with contextlib.suppress(NotFinite):  # the training itself will meet it again, and say so
            loop.train_step(next(batches), planned)

    return step
