import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from tests.tiny import TASK, changed, state_of
from torch import Tensor

from headstart.training.activations import InputExamples
from headstart.training.examples import Batch
from headstart.training.inference import held_out_loss
from headstart.training.loop import Loop
from headstart.training.network import Network
from headstart.training.phase import Phase
from headstart.training.plan import PlannedPhase
from headstart.training.records import PhaseRecord

Make = Callable[..., InputExamples]


def planned(phase: Phase, *, epochs: int | None = None, precision: str = "float32") -> PlannedPhase:
    return PlannedPhase(phase, epochs or phase.epochs, 3, precision, epoch_seconds=0.0)  # type: ignore[arg-type]


def make_loop(network: Network, make_examples: Make, loop: type[Loop] = Loop, seed: int = 0) -> Loop:
    return loop(network, TASK, train=make_examples(48), validation=make_examples(24, seed=1), seed=seed)


def test_it_learns(make_network: Callable[..., Network], make_examples: Make, phase: Phase) -> None:
    network = make_network()
    (record,) = make_loop(network, make_examples).fit([planned(phase)])
    assert len(record.epochs) == 6
    assert record.epochs[-1].train_loss < 0.5 * math.log(3) < record.epochs[0].train_loss


@pytest.mark.parametrize(
    ("boundary", "moving"),
    [("bottom", {"stem", "middle", "last"}), ("middle", {"middle", "last"}), (2, {"last"}), ("top", set())],
)
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_only_what_lies_above_the_boundary_changes(
    boundary: str | int,
    moving: set[str],
    *,
    optimizer: str,
    make_network: Callable[..., Network],
    make_examples: Make,
    phase: Phase,
) -> None:
    network = make_network()
    before = state_of(network)
    at_boundary = dataclasses.replace(phase, boundary=boundary, optimizer=optimizer)
    (record,) = make_loop(network, make_examples).fit([planned(at_boundary)])
    expected = {name for name in before if any(name.startswith(f"backbone.model.{stage}.") for stage in moving)}
    assert changed(before, network) == expected | {"head.weight", "head.bias"}
    assert set(record.frozen.stages) == {"stem", "middle", "last"} - moving


def test_resting_batch_norm_keeps_its_statistics_while_its_stage_trains(
    make_network: Callable[..., Network], make_examples: Make, phase: Phase
) -> None:
    network = make_network()
    before = state_of(network)
    make_loop(network, make_examples).fit([planned(dataclasses.replace(phase, batch_norm="frozen"))])
    moved = changed(before, network)
    assert not {name for name in moved if "running" in name or "tracked" in name}
    assert "backbone.model.stem.1.weight" in moved


def test_a_step_that_moves_a_frozen_buffer_is_found_out(
    make_network: Callable[..., Network], make_examples: Make, phase: Phase
) -> None:
    class Careless(Loop):
        def outputs(self, batch: Batch) -> Tensor:
            self.network.train()
            return super().outputs(batch)

    loop = make_loop(make_network(), make_examples, Careless)
    with pytest.raises(RuntimeError, match="Expected the stages stem to stay as they were"):
        loop.fit([planned(dataclasses.replace(phase, boundary="middle"))])


def fit(make_network: Callable[..., Network], make_examples: Make, plan: list[PlannedPhase], seed: int) -> Network:
    network = make_network()
    make_loop(network, make_examples, seed=seed).fit(plan)
    return network


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(
    make_network: Callable[..., Network], make_examples: Make, phase: Phase
) -> None:
    first = fit(make_network, make_examples, [planned(phase)], seed=3)
    torch.rand(7)  # whatever happened to torch's own random state in between does not matter
    second = fit(make_network, make_examples, [planned(phase)], seed=3)
    other = fit(make_network, make_examples, [planned(phase)], seed=4)
    assert not changed(state_of(first), second)
    assert changed(state_of(first), other)


def test_training_leaves_the_callers_randomness_alone(
    make_network: Callable[..., Network], make_examples: Make, phase: Phase
) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit(make_network, make_examples, [planned(phase)], seed=0)
    assert torch.equal(torch.rand(3), expected)


def test_the_plan_decides_how_long_it_goes_on_whatever_the_clock_says(
    make_network: Callable[..., Network], make_examples: Make, phase: Phase, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = fit(make_network, make_examples, [planned(phase, epochs=4)], seed=0)
    clock = itertools.count(step=1e6)
    monkeypatch.setattr("headstart.training.loop.time.perf_counter", lambda: next(clock))
    network = make_network()
    (record,) = make_loop(network, make_examples).fit([planned(phase, epochs=4)])
    assert [epoch.seconds for epoch in record.epochs] == [
        4e6
    ] * 4  # the clock is read before the epoch, after each of its three steps, and at its end
    assert not changed(state_of(plain), network)


def test_the_best_epoch_is_kept_and_early_stopping_ends_what_brings_nothing(
    make_network: Callable[..., Network], make_examples: Make, phase: Phase
) -> None:
    class Scripted(Loop):
        losses: Iterator[float] = iter([1.0, 0.5, 0.7, 0.6, 0.9])
        states: list[dict[str, Tensor]]

        def validate(self) -> float:
            self.states = [*getattr(self, "states", []), state_of(self.network)]
            return next(self.losses)

    network = make_network()
    loop = make_loop(network, make_examples, Scripted)
    (record,) = loop.fit([planned(dataclasses.replace(phase, patience=2))])
    assert (record.ending, record.best, len(record.epochs)) == ("early stopping", 1, 4)
    assert not changed(loop.states[1], network)  # type: ignore[attr-defined]


def poisoned(loop: type[Loop], *, from_step: int) -> type[Loop]:
    class Poisoned(loop):  # type: ignore[misc,valid-type]
        count = 0

        def batches(self, planned: PlannedPhase) -> Iterator[Batch]:
            for batch in super().batches(planned):
                self.count += 1
                inputs = batch.inputs * math.nan if self.count >= from_step else batch.inputs
                yield Batch(inputs, batch.targets, batch.size)

    return Poisoned


@pytest.mark.parametrize(("from_step", "best"), [(1, None), (8, 1)])
def test_a_nan_loss_ends_the_training_with_the_last_good_state(
    from_step: int, best: int | None, make_network: Callable[..., Network], make_examples: Make, phase: Phase
) -> None:
    network = make_network()
    before = state_of(network)
    (record,) = make_loop(network, make_examples, poisoned(Loop, from_step=from_step)).fit([planned(phase)])
    assert (record.ending, record.best) == ("not finite", best)
    assert "the training loss is nan" in record.reason
    assert all(bool(torch.isfinite(tensor).all()) for tensor in network.state_dict().values())
    assert bool(changed(before, network)) == (best is not None)
    assert math.isfinite(held_out_loss(network, TASK, make_examples(24)))


def test_an_infinite_gradient_stops_before_the_optimizer_step(
    make_network: Callable[..., Network], make_examples: Make, phase: Phase
) -> None:
    class Recording(Loop):
        updates = 0

        def begin_phase(self, planned: PlannedPhase) -> None:
            super().begin_phase(planned)
            self.network.head.weight.register_hook(lambda gradient: gradient * math.inf)  # type: ignore[operator]

        def update(self) -> None:
            self.updates += 1

    network = make_network()
    loop = make_loop(network, make_examples, Recording)
    (record,) = loop.fit([planned(phase)])
    assert loop.updates == 0  # type: ignore[attr-defined]
    assert "the gradient's norm is" in record.reason


def test_after_something_not_finite_no_further_phase_begins(
    make_network: Callable[..., Network], make_examples: Make, phase: Phase
) -> None:
    loop = make_loop(make_network(), make_examples, poisoned(Loop, from_step=1))
    assert len(loop.fit([planned(phase), planned(phase)])) == 1


def test_phases_follow_one_another_each_with_its_own_boundary(
    make_network: Callable[..., Network], make_examples: Make, phase: Phase
) -> None:
    network = make_network()
    plan = [planned(dataclasses.replace(phase, boundary=boundary), epochs=2) for boundary in ("top", "middle")]
    records: list[PhaseRecord] = make_loop(network, make_examples).fit(plan)
    assert [record.frozen.stages for record in records] == [("stem", "middle", "last"), ("stem",)]
    assert network.backbone.model.get_submodule("last")[0].weight.requires_grad  # type: ignore[index]


def test_every_example_is_seen_once_per_epoch_in_batches_of_one_size(
    make_network: Callable[..., Network], make_examples: Make, phase: Phase
) -> None:
    loop = make_loop(make_network(), make_examples)
    asked: list[np.ndarray] = []
    loop.train.batch = lambda rows, generator: asked.append(rows)  # type: ignore[method-assign]
    list(loop.batches(dataclasses.replace(planned(phase), steps_per_epoch=5)))
    assert sorted(np.concatenate(asked)) == list(range(48))
    assert {len(rows) for rows in asked} == {9, 10}


def test_bfloat16_trains_to_about_the_same_loss(
    make_network: Callable[..., Network], make_examples: Make, phase: Phase
) -> None:
    losses = []
    for precision in ("float32", "bfloat16"):
        network = make_network()
        make_loop(network, make_examples).fit([planned(phase, precision=precision)])
        assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
        losses.append(held_out_loss(network, TASK, make_examples(24, seed=1)))
    assert losses[0] == pytest.approx(losses[1], abs=0.1)
    assert losses[0] != losses[1]
