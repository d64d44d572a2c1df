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
from headstart.training.threads import computing_threads

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
        most_seconds: How long this may take; where one step is too long for that, no other is timed.

    Returns:
        The cost of a step and of a validation pass.
    """
    share = most_seconds / 5

    def steps_of(precision: Precision) -> Callable[[], None]:
        return _step(Loop(copy.deepcopy(network), task, train=train, validation=validation), phase, precision)

    rows = np.arange(min(64, len(validation)))
    with torch.random.fork_rng():
        step = steps_of("float32")
        if (first := _seconds(step)) > 2 * most_seconds:  # even a first step, which prepares much, is not that long
            return _first_impression(first, examples=len(validation), phase=phase)
        if (second := _seconds(step)) > share:
            return _first_impression(second, examples=len(validation), phase=phase)
        threads = quicker_threads(step, most_seconds=share)
        with computing_threads(threads):
            full = least_seconds(steps_of("float32"), most_seconds=share)
            half = least_seconds(steps_of("bfloat16"), most_seconds=share)
            batch_seconds = least_seconds(
                lambda: batch_loss(network, task, validation.batch(rows, None)), most_seconds=share
            )
    chosen: Precision = "bfloat16" if half * BFLOAT16_GAIN < full else "float32"
    step_seconds = half if chosen == "bfloat16" else full
    return PhaseCost(chosen, step_seconds, batch_seconds * len(validation) / len(rows), threads)


def _first_impression(step_seconds: float, *, examples: int, phase: Phase) -> PhaseCost:
    """The cost by a single step that was too long to be repeated; of its three parts, a forward pass is one."""
    return PhaseCost("float32", step_seconds, step_seconds / 3 * examples / phase.batch_size)


def quicker_threads(work: Callable[[], object], *, most_seconds: float) -> int | None:
    """One thread where it is quicker than torch's own choice (``None``), as for small steps on a busy machine.

    Threads that wait for each other after every layer lose most of their time as soon as another process wants a core:
    on two busy cores a small network's step took up to a hundred times longer. Here the mean counts, not the shortest
    call, because being lucky once is no help.
    """
    if torch.get_num_threads() == 1:
        return None
    together = mean_seconds(work, most_seconds=most_seconds)
    with computing_threads(1):
        alone = mean_seconds(work, most_seconds=most_seconds)
    return 1 if alone < together else None


def mean_seconds(work: Callable[[], object], *, most_seconds: float) -> float:
    """The mean of up to twenty calls, fewer once ``most_seconds`` have gone."""
    durations = [_seconds(work)]
    while len(durations) < 20 and sum(durations) < most_seconds:
        durations.append(_seconds(work))
    return sum(durations) / len(durations)


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
