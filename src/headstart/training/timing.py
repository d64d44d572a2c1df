"""What a phase costs on this machine, measured on a copy of the network that is thrown away."""

from __future__ import annotations

import contextlib
import copy
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping

import numpy as np
import torch

from headstart.tasks.contract import Task
from headstart.training.allocation import kept_memory
from headstart.training.examples import Batch, Examples
from headstart.training.inference import forward
from headstart.training.loop import Loop
from headstart.training.network import Network
from headstart.training.phase import Phase
from headstart.training.plan import Layout, PhaseCost, PlannedPhase, Precision, steps_per_epoch
from headstart.training.records import NotFinite
from headstart.training.threads import computing_threads

#: bfloat16 rounds more coarsely, so it has to be faster by this factor to be chosen.
BFLOAT16_GAIN = 1.25

#: How a step can be computed.
Way = tuple[Precision, Layout]

#: The likeliest to be quick first: where time is short, the others are not tried.
WAYS: tuple[Way, ...] = (
    ("float32", "channels_last"),
    ("bfloat16", "channels_last"),
    ("float32", "contiguous"),
    ("bfloat16", "contiguous"),
)


def measure_cost(
    network: Network, task: Task, *, train: Examples, validation: Examples, phase: Phase, most_seconds: float
) -> PhaseCost:
    """Times a few training steps at either precision and memory layout and a validation batch, and chooses.

    Args:
        network: Copied first; neither it nor torch's random state changes.
        task: Its loss is trained on.
        train: Where the batches of the timed steps come from.
        validation: What a validation pass goes over.
        phase: Whose steps to time.
        most_seconds: How long this may take; where a step is long, fewer ways to compute it are tried.

    Returns:
        The cost of a step and of a validation pass.
    """

    def loop() -> Loop:
        return Loop(copy.deepcopy(network), task, train=train, validation=validation)

    begun = time.perf_counter()
    share = most_seconds / 7  # one for each way to compute, two for the threads, one for validation
    with torch.random.fork_rng(), kept_memory():
        step = step_of(loop(), phase, WAYS[0])
        if (first := _seconds(step)) > 2 * most_seconds:  # even a first step, which prepares much, is not that long
            return PhaseCost("float32", first, validation_by_step(first, phase, len(validation)))
        second = _seconds(step)
        is_long = second > share
        threads = None if is_long else quicker_threads(step, most_seconds=share)
        with computing_threads(threads):
            found = {WAYS[0]: second} if is_long else {WAYS[0]: least_seconds(step, most_seconds=share)}
            each = max(share, 2 * second)
            for way in WAYS[1:]:
                if time.perf_counter() - begun + each <= most_seconds and _can_compute(network, way):
                    found[way] = least_seconds(step_of(loop(), phase, way), most_seconds=each)
            precision, layout = chosen = choose_way(found)
            if is_long:
                validation_seconds = validation_by_step(second, phase, len(validation))
            else:
                validation_seconds = measured_validation(loop(), phase, layout, most_seconds=share)
    return PhaseCost(precision, found[chosen], validation_seconds, threads, layout)


def choose_way(seconds: Mapping[Way, float]) -> Way:
    """The quickest way to compute a step, in bfloat16 only where that is clearly quicker than float32 at its best.

    Example:
        >>> choose_way({("float32", "channels_last"): 1.0, ("bfloat16", "channels_last"): 0.9})
        ('float32', 'channels_last')
    """
    return min(seconds, key=lambda way: seconds[way] * (BFLOAT16_GAIN if way[0] == "bfloat16" else 1.0))


def validation_by_step(step_seconds: float, phase: Phase, examples: int) -> float:
    """A validation pass, guessed from a step: of a step's three parts, a forward pass is one."""
    return step_seconds / 3 * examples / phase.batch_size


def measured_validation(loop: Loop, phase: Phase, layout: Layout, *, most_seconds: float) -> float:
    """A validation pass, as a multiple of a batch."""
    count = len(loop.validation)
    rows = np.linspace(0, count - 1, min(64, count)).round().astype(np.int64)
    loop.place(_planned(loop, phase, ("float32", layout)))

    def validate() -> None:
        forward(loop.network, loop.validation.batch(rows, None), with_targets=True)

    return least_seconds(validate, most_seconds=most_seconds) * count / len(rows)


def _can_compute(network: Network, way: Way) -> bool:
    return way[0] == "float32" or network.device.type != "cuda" or torch.cuda.is_bf16_supported()


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


def least_seconds(work: Callable[[], Hashable], *, most_seconds: float) -> float:
    """The shortest of up to twenty calls, fewer once ``most_seconds`` have gone.

    The shortest, not the median: whatever else the machine does can only add to a call, and a plan should depend on the
    machine alone. Where calls do more work or less, the mean over them of the shortest with as much work.

    Args:
        work: Gives how much work it was; equal values mean equal work.
        most_seconds: No call is begun after these.
    """
    durations: defaultdict[Hashable, list[float]] = defaultdict(list)
    count, begun = 0, time.perf_counter()
    while not count or (count < 20 and time.perf_counter() - begun < most_seconds):
        started = time.perf_counter()
        done = work()
        durations[done].append(time.perf_counter() - started)
        count += 1
    return sum(len(calls) * min(calls) for calls in durations.values()) / count


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def step_of(loop: Loop, phase: Phase, way: Way) -> Callable[[], Hashable]:
    """One training step after the other, computed in this way; each gives the shape of what entered it."""
    planned = _planned(loop, phase, way)
    loop.begin_phase(planned)
    loop.network.begin_training(phase)

    def batches() -> Iterator[Batch]:
        while True:
            loop.state.step = 0
            yield from loop.batches(planned)

    coming = batches()

    def step() -> Hashable:
        batch = next(coming)
        with contextlib.suppress(NotFinite):  # the training itself will meet it again, and say so
            loop.train_step(batch, planned)
        return getattr(batch.inputs, "shape", (batch.size,))[1:]

    return step


def _planned(loop: Loop, phase: Phase, way: Way) -> PlannedPhase:
    precision, layout = way
    return PlannedPhase(phase, 1, steps_per_epoch(phase, len(loop.train)), precision, 0.0, layout=layout)
