"""A training that was interrupted ends as if it had not been: same weights, same records but for seconds, same log."""

import dataclasses
import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.tiny import TASK, changed, state_of, tiny_examples, tiny_network
from torch import Tensor

from headstart.core.errors import RunFolderError
from headstart.training.checkpoints import Checkpoints
from headstart.training.examples import Batch
from headstart.training.loop import Loop
from headstart.training.network import Network
from headstart.training.phase import LearningRates, Phase
from headstart.training.plan import PlannedPhase
from headstart.training.records import PhaseRecord
from headstart.training.step_log import StepLog

PHASE = Phase("middle", LearningRates(head=0.01, backbone=0.01, decay=0.5), epochs=3, batch_size=16, patience=3)
PLAN = [
    PlannedPhase(
        dataclasses.replace(PHASE, boundary="top", optimizer="sgd"), 1, 3, "float32", 0.0, layout="contiguous"
    ),
    PlannedPhase(PHASE, 3, 3, "float32", 0.0),
]
STEPS = 12


class Killed(Exception):  # noqa: N818 -- it stands for SIGKILL
    pass


class Fragile(Loop):
    """Dies in the middle of a step: after the gradients, before the update."""

    survives = STEPS

    def update(self) -> None:
        if self.state.steps >= self.survives:
            raise Killed
        super().update()


def loop(
    network: Network,
    folder: Path | None,
    *,
    stop: Callable[[], bool] | None = None,
    kind: type[Loop] = Loop,
    seed: int = 0,
) -> Loop:
    return kind(
        network,
        TASK,
        train=tiny_examples(48),
        validation=tiny_examples(24, seed=1),
        seed=seed,
        checkpoints=Checkpoints(folder) if folder else None,
        log=StepLog(folder / "steps.jsonl", training="tiny") if folder else None,
        stop=stop,
    )


def timeless(records: Sequence[PhaseRecord]) -> list[dict[str, Any]]:
    values = [record.to_json() for record in records]
    for epoch in itertools.chain.from_iterable(record["epochs"] for record in values):
        del epoch["seconds"]
    return values


def logged(folder: Path) -> list[dict[str, Any]]:
    entries = [json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines()]
    return [{name: value for name, value in entry.items() if name != "seconds"} for entry in entries]


@dataclasses.dataclass
class Unbroken:
    state: dict[str, Tensor]
    records: list[dict[str, Any]]
    log: list[dict[str, Any]]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Unbroken:
    folder = tmp_path_factory.mktemp("unbroken")
    network = tiny_network()
    records = loop(network, folder).fit(PLAN)
    return Unbroken(state_of(network), timeless(records), logged(folder))


def finish(folder: Path, unbroken: Unbroken) -> None:
    """Goes on with a network as it is after opening its source, and compares."""
    network = tiny_network()
    torch.rand(5)
    records = loop(network, folder).fit(PLAN)
    assert not changed(unbroken.state, network)
    assert timeless(records) == unbroken.records
    assert logged(folder) == unbroken.log
    assert network.boundary == 1


def test_saving_changes_nothing(unbroken: Unbroken) -> None:
    network = tiny_network()
    assert timeless(loop(network, None).fit(PLAN)) == unbroken.records
    assert not changed(unbroken.state, network)


def test_the_log_has_every_step_and_every_epoch(unbroken: Unbroken) -> None:
    steps = [entry for entry in unbroken.log if "step" in entry]
    assert [entry["step"] for entry in steps] == list(range(1, STEPS + 1))
    assert [(entry["phase"], entry["epoch"]) for entry in steps[::3]] == [(0, 1), (1, 1), (1, 2), (1, 3)]
    assert set(steps[0]) == {
        "training", "phase", "epoch", "step", "loss", "learning_rate", "gradient_norm", "accumulation"
    }  # fmt: skip
    assert all(entry["training"] == "tiny" and entry["gradient_norm"] > 0 for entry in steps)
    assert steps[0]["learning_rate"] < steps[1]["learning_rate"] > steps[2]["learning_rate"]
    epochs = [entry for entry in unbroken.log if "step" not in entry]
    assert [entry["validation_loss"] for entry in epochs] == [
        epoch["validation_loss"] for record in unbroken.records for epoch in record["epochs"]
    ]


@pytest.mark.parametrize("step", [0, 1, 3, 4, 8, 11])
def test_stopped_and_taken_up_again_it_ends_the_same(step: int, tmp_path: Path, unbroken: Unbroken) -> None:
    asked = itertools.count()
    network = tiny_network()
    records = loop(network, tmp_path, stop=lambda: next(asked) >= step).fit(PLAN)
    assert records[-1].ending == "interrupted"
    assert f"stopped in epoch {len(records[-1].epochs) + 1}: interrupted; kept" in records[-1].reason
    assert timeless(records)[:-1] == unbroken.records[: len(records) - 1]
    assert (
        timeless(records)[-1]["epochs"]
        == unbroken.records[len(records) - 1]["epochs"][: (step - 3) // 3 if step > 3 else 0]
    )
    finish(tmp_path, unbroken)


def test_stopped_before_every_third_step_it_still_ends_the_same(tmp_path: Path, unbroken: Unbroken) -> None:
    for _ in range(STEPS // 3):
        asked = itertools.count()
        loop(tiny_network(), tmp_path, stop=lambda asked=asked: next(asked) >= 3).fit(PLAN)  # type: ignore[misc]
    finish(tmp_path, unbroken)


@pytest.mark.parametrize("step", [0, 2, 3, 7, 10, 11])
@pytest.mark.parametrize("seconds", [0.0, 1e9])
def test_killed_in_the_middle_of_a_step_it_ends_the_same(
    step: int, seconds: float, tmp_path: Path, unbroken: Unbroken
) -> None:
    class Dying(Fragile):
        survives = step

    dying = loop(tiny_network(), tmp_path, kind=Dying)
    dying.checkpoints = Checkpoints(tmp_path, seconds)
    with pytest.raises(Killed):
        dying.fit(PLAN)
    finish(tmp_path, unbroken)


def test_an_interrupted_network_holds_the_best_so_far(tmp_path: Path) -> None:
    asked = itertools.count()
    network = tiny_network()
    records = loop(network, tmp_path, stop=lambda: next(asked) >= 10).fit(PLAN)
    best = records[-1].best
    assert best is not None and len(records[-1].epochs) == 2
    same = tiny_network()
    again = loop(same, None)
    kept: list[dict[str, Tensor]] = []
    consider = again.log_epoch

    def log_epoch(record: Any) -> None:
        kept.append(state_of(same))
        consider(record)

    again.log_epoch = log_epoch  # type: ignore[method-assign]
    again.fit(PLAN)
    assert not changed(kept[1 + best], network)


def test_a_finished_training_is_read_back_without_a_step(tmp_path: Path, unbroken: Unbroken) -> None:
    loop(tiny_network(), tmp_path).fit(PLAN)

    class NoSteps(Loop):
        def train_step(self, batch: Batch, planned: PlannedPhase) -> float:
            raise AssertionError("a step was made")

        def validate(self) -> float:
            raise AssertionError("it was validated")

    network = tiny_network()
    assert timeless(loop(network, tmp_path, kind=NoSteps, stop=lambda: True).fit(PLAN)) == unbroken.records
    assert not changed(unbroken.state, network)
    assert network.boundary == 1


def test_frozen_parts_are_not_stored_but_compared(tmp_path: Path) -> None:
    plan = PLAN[:1]
    loop(tiny_network(), tmp_path, stop=iter([False, True]).__next__).fit(plan)
    found = Checkpoints(tmp_path).load()
    assert found is not None
    assert {name for name in found.tensors if name.startswith("network.")} == {
        "network.head.weight",
        "network.head.bias",
    }
    with pytest.raises(RunFolderError, match="stood on a backbone with other weights"):
        loop(tiny_network(seed=1), tmp_path).fit(plan)


@pytest.mark.parametrize("finished", [True, False])
def test_a_snapshot_of_another_training_is_refused(finished: bool, tmp_path: Path) -> None:
    stop = None if finished else iter([False, True]).__next__
    loop(tiny_network(), tmp_path, stop=stop).fit(PLAN)
    before = (tmp_path / "snapshot.safetensors").read_bytes()
    with pytest.raises(RunFolderError, match=r"had another seed; delete .* to begin anew"):
        loop(tiny_network(), tmp_path, seed=1).fit(PLAN)
    with pytest.raises(RunFolderError, match="had another plan"):
        loop(tiny_network(), tmp_path).fit([dataclasses.replace(PLAN[0], epochs=2), PLAN[1]])
    wider = Network(tiny_network().backbone, torch.nn.Linear(16, 5))
    with pytest.raises(RunFolderError, match="other names or shapes"):
        loop(wider, tmp_path).fit(PLAN)
    assert (tmp_path / "snapshot.safetensors").read_bytes() == before


@pytest.mark.parametrize("place", [0.02, 0.5, 0.999])
def test_a_changed_snapshot_is_refused_by_name(place: float, tmp_path: Path) -> None:
    loop(tiny_network(), tmp_path, stop=iter([False, True]).__next__).fit(PLAN)
    file = tmp_path / "snapshot.safetensors"
    content = bytearray(file.read_bytes())
    content[int(place * len(content))] ^= 1
    file.write_bytes(content)
    with pytest.raises(RunFolderError, match=r"snapshot\.safetensors to be the snapshot .* delete"):
        loop(tiny_network(), tmp_path).fit(PLAN)


def test_what_a_killed_process_left_half_written_is_cleared_away(tmp_path: Path, unbroken: Unbroken) -> None:
    loop(tiny_network(), tmp_path, stop=iter([False, True]).__next__).fit(PLAN)
    (tmp_path / ".snapshot.safetensors.0123.part").write_bytes(b"half")
    finish(tmp_path, unbroken)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["snapshot.safetensors", "steps.jsonl"]


def test_a_cut_off_snapshot_is_refused_by_name(tmp_path: Path) -> None:
    loop(tiny_network(), tmp_path).fit(PLAN)
    file = tmp_path / "snapshot.safetensors"
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(RunFolderError, match="cannot be read"):
        loop(tiny_network(), tmp_path).fit(PLAN)
