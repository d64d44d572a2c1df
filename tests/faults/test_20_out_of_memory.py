"""Where memory runs out the batch goes in smaller parts whose gradients are added up: same result within noise."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.tiny import TASK, state_of, tiny_examples, tiny_network

from headstart.core.errors import EngineError
from headstart.core.progress import Silent
from headstart.training.checkpoints import Checkpoints
from headstart.training.loop import Loop
from headstart.training.network import Network
from headstart.training.phase import LearningRates, Phase
from headstart.training.plan import PlannedPhase
from headstart.training.step_log import StepLog
from headstart.training.timing import measure_cost

#: Without batch norm in training mode and without dropout every part gives what it gives in the whole batch.
PHASE = Phase(
    "bottom", LearningRates(head=0.01, backbone=0.01), epochs=2, batch_size=16, patience=2, batch_norm="frozen"
)
PLAN = [PlannedPhase(PHASE, 2, 3, "float32", 0.0)]
ERRORS: dict[str, Callable[[], Exception]] = {
    "gpu": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB."),
    "cpu": lambda: RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 400 bytes."),
    "python": MemoryError,
}


class Narrow(Network):
    """Has room for so many examples at a time while it trains."""

    most, error = 16, "gpu"

    def above(self, hidden: Any, *given: Any) -> Any:
        found = super().above(hidden, *given)
        if torch.is_grad_enabled() and len(hidden) > self.most:
            raise ERRORS[self.error]()
        return found


class Heard(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, message: str) -> None:
        self.said.append(message)


def narrow(most: int, error: str = "gpu") -> Narrow:
    network = tiny_network(dropout=0.0)
    made = Narrow(network.backbone, network.head)
    made.most, made.error = most, error
    return made


def loop(network: Network, folder: Path, *, stop: Callable[[], bool] | None = None) -> Loop:
    return Loop(
        network,
        TASK,
        train=tiny_examples(48),
        validation=tiny_examples(24, seed=1),
        progress=Heard(),
        checkpoints=Checkpoints(folder),
        log=StepLog(folder / "steps.jsonl"),
        stop=stop,
    )


def accumulations(folder: Path) -> list[int]:
    entries = [json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines()]
    return [entry["accumulation"] for entry in entries if "step" in entry]


@pytest.mark.parametrize("error", list(ERRORS))
@pytest.mark.parametrize(("most", "parts"), [(16, 1), (8, 2), (5, 4), (1, 16)])
def test_the_result_is_the_same_within_noise_and_the_parts_are_logged(
    most: int, parts: int, error: str, tmp_path: Path
) -> None:
    whole, split = narrow(16), narrow(most, error)
    (expected,) = loop(whole, tmp_path / "whole").fit(PLAN)
    training = loop(split, tmp_path / "split")
    (record,) = training.fit(PLAN)
    assert (expected.accumulation, record.accumulation) == (1, parts)
    for name, tensor in state_of(split).items():
        torch.testing.assert_close(tensor, state_of(whole)[name], rtol=1e-3, atol=1e-4)
    for mine, other in zip(record.epochs, expected.epochs, strict=True):
        assert mine.train_loss == pytest.approx(other.train_loss, rel=1e-4)
    assert accumulations(tmp_path / "split") == [parts] * 6
    said = training.progress.said  # type: ignore[attr-defined]
    assert [message.split(" parts")[0].split()[-1] for message in said] == [
        str(2**n) for n in range(1, 5) if 2**n <= parts
    ]
    assert all(message.startswith("Out of memory") for message in said)


def test_gradients_of_a_half_finished_step_are_discarded(tmp_path: Path) -> None:
    class FailsOnce(Narrow):
        """Memory runs out at the second of two parts, when the first has left its gradients."""

        parts = 0

        def above(self, hidden: Any, *given: Any) -> Any:
            if torch.is_grad_enabled():
                self.parts += 1
                if self.parts in {1, 3}:
                    raise torch.OutOfMemoryError
            return super().above(hidden, *given)

    network = tiny_network(dropout=0.0)
    failing = FailsOnce(network.backbone, network.head)
    (record,) = loop(failing, tmp_path / "failing").fit(PLAN)
    whole = narrow(16)
    loop(whole, tmp_path / "whole").fit(PLAN)
    assert record.accumulation == 4
    for name, tensor in state_of(failing).items():
        torch.testing.assert_close(tensor, state_of(whole)[name], rtol=1e-3, atol=1e-4)


def test_a_training_that_is_taken_up_again_need_not_find_out_anew(tmp_path: Path) -> None:
    loop(narrow(5), tmp_path, stop=iter([False, False, True]).__next__).fit(PLAN)
    training = loop(narrow(5), tmp_path)
    (record,) = training.fit(PLAN)
    assert record.accumulation == 4 and accumulations(tmp_path) == [4] * 6
    assert training.progress.said == []  # type: ignore[attr-defined]


def test_without_room_for_one_example_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="one example of a batch of 16 at a time, but it ran out; close other"):
        loop(narrow(0), tmp_path).fit(PLAN)


def test_other_errors_are_not_mistaken_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ERRORS, "gpu", lambda: RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    with pytest.raises(RuntimeError, match="shapes"):
        loop(narrow(0), tmp_path).fit(PLAN)


def test_measuring_a_step_survives_it_too() -> None:
    train, validation = tiny_examples(48), tiny_examples(24, seed=1)
    cost = measure_cost(narrow(5), TASK, train=train, validation=validation, phase=PHASE, most_seconds=0.05)
    assert cost.step_seconds > 0
