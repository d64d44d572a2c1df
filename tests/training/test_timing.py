import time
from collections.abc import Callable

import pytest
import torch

from headstart.tasks.classification import Classification
from headstart.training import timing
from headstart.training.activations import InputExamples
from headstart.training.network import Network
from headstart.training.phase import Phase
from headstart.training.timing import least_seconds, measure_cost


def test_measuring_changes_neither_the_network_nor_the_randomness(
    make_network: Callable[..., Network], make_examples: Callable[..., InputExamples], phase: Phase
) -> None:
    network = make_network()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    randomness = torch.get_rng_state()
    train, validation = make_examples(48), make_examples(24)
    cost = measure_cost(network, Classification(3), train=train, validation=validation, phase=phase, most_seconds=0.2)
    assert cost.step_seconds > 0 and cost.validation_seconds > 0
    assert torch.equal(torch.get_rng_state(), randomness)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(("coarse", "chosen"), [(0.5, "bfloat16"), (0.9, "float32"), (2.0, "float32")])
def test_bfloat16_is_chosen_only_where_it_is_clearly_faster(
    coarse: float,
    chosen: str,
    *,
    make_network: Callable[..., Network],
    make_examples: Callable[..., InputExamples],
    phase: Phase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    durations = iter([1.0, coarse, 1.5, 2.0, 0.25])
    monkeypatch.setattr(timing, "least_seconds", lambda work, most_seconds: next(durations))
    monkeypatch.setattr(timing, "_seconds", lambda work: 0.01)  # however busy the machine is
    examples = make_examples(96)
    cost = measure_cost(
        make_network(), Classification(3), train=examples, validation=examples, phase=phase, most_seconds=1.0
    )
    assert (cost.precision, cost.step_seconds) == (chosen, coarse if chosen == "bfloat16" else 1.0)
    assert cost.validation_seconds == pytest.approx(0.25 * 96 / 64)


@pytest.mark.parametrize(
    ("durations", "chosen"),
    [
        ([1.0, 2.0, 0.9, 2.0], ("float32", "contiguous", 0.9)),
        ([1.0, 0.8, 0.9, 0.7], ("bfloat16", "contiguous", 0.7)),
        ([0.8, 0.7, 0.9, 0.65], ("float32", "channels_last", 0.8)),
    ],
)
def test_the_layout_is_the_quickest_of_the_precision(
    durations: list[float],
    chosen: tuple[str, str, float],
    *,
    make_network: Callable[..., Network],
    make_examples: Callable[..., InputExamples],
    phase: Phase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    coming = iter([*durations, 0.25])
    monkeypatch.setattr(timing, "least_seconds", lambda work, most_seconds: next(coming))
    monkeypatch.setattr(timing, "_seconds", lambda work: 0.01)
    examples = make_examples(96)
    cost = measure_cost(
        make_network(), Classification(3), train=examples, validation=examples, phase=phase, most_seconds=1.0
    )
    assert (cost.precision, cost.layout, cost.step_seconds) == chosen


@pytest.mark.parametrize(("step_seconds", "tried"), [(0.1, 4), (0.35, 3), (1.5, 1), (30.0, 1)])
def test_the_longer_a_step_the_fewer_ways_are_tried(
    step_seconds: float,
    tried: int,
    *,
    make_network: Callable[..., Network],
    make_examples: Callable[..., InputExamples],
    phase: Phase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, ways = [0.0], set()

    def step_of(loop: object, phase: Phase, way: timing.Way) -> Callable[[], None]:
        def step() -> None:
            ways.add(way)
            clock[0] += step_seconds

        return step

    monkeypatch.setattr(timing, "step_of", step_of)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(timing, "quicker_threads", lambda work, most_seconds: None)
    examples = make_examples(96)
    cost = measure_cost(
        make_network(), Classification(3), train=examples, validation=examples, phase=phase, most_seconds=2.1
    )
    assert len(ways) == tried
    assert cost.step_seconds == pytest.approx(step_seconds)
    if step_seconds > 0.3:
        assert cost.validation_seconds == pytest.approx(step_seconds / 3 * 96 / 16)


def test_the_shortest_call_counts() -> None:
    pauses = iter([0.03, 0.001, 0.03, *[0.01] * 20])
    assert 0.001 <= least_seconds(lambda: time.sleep(next(pauses)), most_seconds=10.0) < 0.01


def test_a_slow_call_is_not_repeated() -> None:
    calls: list[float] = []
    least_seconds(lambda: calls.append(time.sleep(0.02) or 0.0), most_seconds=0.01)
    assert len(calls) == 1


def test_calls_that_do_less_work_do_not_stand_for_those_that_do_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of three lengths, four busy moments: the mean over batches of what each length takes at its quickest."""
    clock, lengths = [0.0], iter([8, 16, 40, 8] * 5)
    busy = iter([0.5, 0, 0, 0.5, 0, 0.5, 0.5, *[0] * 20])

    def step() -> int:
        length = next(lengths)
        clock[0] += length / 100 + next(busy)
        return length

    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    assert least_seconds(step, most_seconds=1e3) == pytest.approx((8 + 16 + 40 + 8) / 4 / 100)
