"""What every registered strategy owes, shown on a tiny backbone: a new one is tested by being registered."""

import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.tiny import DIMS, TASK, changed, state_of, tiny_examples, tiny_network

from headstart.training.checkpoints import Checkpoints
from headstart.training.loop import Loop
from headstart.training.network import Network
from headstart.training.phase import Phase
from headstart.training.plan import PlannedPhase, steps_per_epoch
from headstart.training.records import PhaseRecord
from headstart.transfer.strategy import STRATEGIES

EXAMPLES = 96
NAMES = list(STRATEGIES)
STAGES = list(DIMS)


def plan_of(name: str) -> list[PlannedPhase]:
    """Two short epochs of each phase; a boundary that is left to the plan is placed in the middle."""
    plan = []
    for phase in STRATEGIES[name].phases:
        boundary = "middle" if phase.boundary == "chosen" else phase.boundary
        short = dataclasses.replace(phase, boundary=boundary, batch_size=min(phase.batch_size, 32))
        plan.append(PlannedPhase(short, 2, steps_per_epoch(short, EXAMPLES), "float32", 0.0))
    return plan


def loop(
    network: Network, folder: Path | None = None, *, stop: Callable[[], bool] | None = None, kind: type[Loop] = Loop
) -> Loop:
    train, validation = tiny_examples(EXAMPLES), tiny_examples(24, seed=1)
    checkpoints = Checkpoints(folder) if folder else None
    return kind(network, TASK, train=train, validation=validation, checkpoints=checkpoints, stop=stop)


def declared(phase: Phase) -> set[str]:
    """The stages above a phase's boundary."""
    ends = {"bottom": 0, "top": len(STAGES)}
    return set(STAGES[ends[phase.boundary] if phase.boundary in ends else STAGES.index(str(phase.boundary)) :])


@pytest.mark.parametrize("name", NAMES)
def test_only_what_is_declared_changes_and_all_of_it_does(name: str) -> None:
    network = tiny_network()
    for planned in plan_of(name):
        before = state_of(network)
        (record,) = loop(network).fit([planned])
        assert record.best is not None
        above = {f"backbone.model.{stage}." for stage in declared(planned.phase)}
        expected = {key for key in before if key.startswith(("head.", *above))}
        assert changed(before, network) == expected


@pytest.mark.parametrize("name", NAMES)
def test_frozen_buffers_do_not_move_and_the_proof_names_their_stages(name: str) -> None:
    network = tiny_network()
    before = state_of(network)
    plan = plan_of(name)
    records = loop(network).fit(plan)
    for record, planned in zip(records, plan, strict=True):
        assert set(record.frozen.stages) == set(STAGES) - declared(planned.phase)
    always_frozen = set(STAGES).difference(*[declared(planned.phase) for planned in plan])
    buffers = [key for key in before if ("running" in key or "tracked" in key) and key.split(".")[2] in always_frozen]
    assert len(buffers) == 3 * len(always_frozen)
    assert not changed(before, network) & set(buffers)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_saved_gives_equal_outputs_when_loaded(name: str, tmp_path: Path) -> None:
    network = tiny_network()
    loop(network).fit(plan_of(name))
    save_file({key: value.contiguous() for key, value in network.state_dict().items()}, tmp_path / "model.safetensors")
    loaded = tiny_network(seed=7)
    loaded.load_state_dict(load_file(tmp_path / "model.safetensors"))
    pictures = torch.rand(5, 3, 8, 8)
    for answering in (network, loaded):
        answering.eval().lay_out("contiguous")
    assert torch.equal(network(pictures), loaded(pictures))


def comparable(records: list[PhaseRecord]) -> list[object]:
    return [
        (record.best, record.ending, record.reason, record.frozen, [epoch.validation_loss for epoch in record.epochs])
        for record in records
    ]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("step", [0, 1, 3, 5])
def test_resumed_equals_unbroken_wherever_it_was_stopped(name: str, step: int, tmp_path: Path) -> None:
    plan, network, resumed, asked = plan_of(name), tiny_network(), tiny_network(), itertools.count()
    records = loop(network).fit(plan)
    loop(tiny_network(), tmp_path, stop=lambda: next(asked) >= step).fit(plan)
    assert comparable(loop(resumed, tmp_path).fit(plan)) == comparable(records)
    assert not changed(state_of(network), resumed)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("step", [0, 4])
def test_resumed_equals_unbroken_where_it_died_in_the_middle_of_a_step(name: str, step: int, tmp_path: Path) -> None:
    class Dying(Loop):
        def clip(self, planned: PlannedPhase) -> float:
            if self.state.steps == step:
                raise KeyboardInterrupt
            return super().clip(planned)

    plan, network, resumed = plan_of(name), tiny_network(), tiny_network()
    records = loop(network).fit(plan)
    if plan:
        with pytest.raises(KeyboardInterrupt):
            loop(tiny_network(), tmp_path, kind=Dying).fit(plan)
    assert comparable(loop(resumed, tmp_path).fit(plan)) == comparable(records)
    assert not changed(state_of(network), resumed)
