"""A loss or gradient that is NaN or infinite ends the training before the optimizer step, with the last good state."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.tiny import TASK, changed, state_of, tiny_examples, tiny_network
from torch import Tensor

from headstart.training.checkpoints import Checkpoints
from headstart.training.examples import Batch
from headstart.training.loop import Loop
from headstart.training.network import Network
from headstart.training.phase import LearningRates, Phase
from headstart.training.plan import PlannedPhase
from headstart.training.step_log import StepLog

PHASE = Phase("bottom", LearningRates(head=0.01, backbone=0.01), epochs=4, batch_size=16, patience=4)
PLAN = [PlannedPhase(PHASE, 4, 3, "float32", 0.0)] * 2
REASONS = {"loss": "the training loss is nan", "gradient": "the gradient's norm is inf", "validation": "the validation"}


class Watched(Loop):
    """Remembers what the parameters were after the last update, and after each epoch that was finished."""

    bad_step = 0

    def fit(self, plan: list[PlannedPhase]) -> list:  # type: ignore[override, type-arg]
        self.updated, self.finished = state_of(self.network), [state_of(self.network)]
        self.on_ending = self.updated
        return super().fit(plan)

    def update(self) -> None:
        super().update()
        self.updated = state_of(self.network)

    def run_epoch(self, planned: PlannedPhase):  # type: ignore[no-untyped-def]
        try:
            record = super().run_epoch(planned)
        finally:
            self.on_ending = state_of(self.network)
        self.finished.append(state_of(self.network))
        return record


class BadLoss(Watched):
    def batches(self, planned: PlannedPhase) -> Iterator[Batch]:
        for batch in super().batches(planned):
            bad = self.state.steps == self.bad_step
            yield dataclasses.replace(batch, inputs=batch.inputs * math.nan) if bad else batch


class BadGradient(Watched):
    def begin_phase(self, planned: PlannedPhase) -> None:
        super().begin_phase(planned)

        def poison(gradient: Tensor) -> Tensor:
            return gradient * math.inf if self.state.steps == self.bad_step else gradient

        weight = self.network.get_parameter("head.weight")
        weight.register_hook(poison)


class BadValidation(Watched):
    def validate(self) -> float:
        if self.state.steps > self.bad_step:
            with torch.no_grad():
                self.network.get_parameter("head.weight")[0, 0] = math.nan
        return super().validate()


KINDS = {"loss": BadLoss, "gradient": BadGradient, "validation": BadValidation}


def loop(kind: type[Loop], network: Network, folder: Path, *, bad_step: int) -> Loop:
    made = kind(
        network,
        TASK,
        train=tiny_examples(48),
        validation=tiny_examples(24, seed=1),
        checkpoints=Checkpoints(folder),
        log=StepLog(folder / "steps.jsonl"),
    )
    made.bad_step = bad_step  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize("kind", ["loss", "gradient"])
@pytest.mark.parametrize("bad_step", [0, 4, 8])
def test_no_parameter_is_touched_by_that_step(kind: str, bad_step: int, tmp_path: Path) -> None:
    training = loop(KINDS[kind], tiny_network(), tmp_path, bad_step=bad_step)
    training.fit(PLAN)
    parameters = {name for name, _ in training.network.named_parameters()}
    last, found = training.updated, training.on_ending  # type: ignore[attr-defined]
    assert all(torch.equal(last[name], found[name]) for name in parameters)
    assert training.state.steps == bad_step


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize(("bad_step", "epochs"), [(1, 0), (7, 2)])
def test_the_last_good_state_is_kept_and_the_reason_says_why(
    kind: str, bad_step: int, epochs: int, tmp_path: Path
) -> None:
    training = loop(KINDS[kind], tiny_network(), tmp_path, bad_step=bad_step)
    (record,) = training.fit(PLAN)
    assert record.ending == "not finite"
    assert f"stopped in epoch {epochs + 1}: {REASONS[kind]}" in record.reason
    assert len(record.epochs) == epochs
    good = training.finished[0 if record.best is None else record.best + 1]  # type: ignore[attr-defined]
    assert (record.best is None) == (epochs == 0)
    assert not changed(good, training.network)
    assert all(bool(torch.isfinite(tensor).all()) for tensor in training.network.state_dict().values())


@pytest.mark.parametrize("kind", list(KINDS))
def test_taken_up_again_it_stays_ended_and_no_step_is_made(kind: str, tmp_path: Path) -> None:
    first = loop(KINDS[kind], tiny_network(), tmp_path, bad_step=7)
    records = first.fit(PLAN)
    steps = (tmp_path / "steps.jsonl").read_text()
    again = loop(Watched, tiny_network(), tmp_path, bad_step=0)
    assert again.fit(PLAN) == records
    assert not changed(state_of(first.network), again.network)
    assert (tmp_path / "steps.jsonl").read_text() == steps
