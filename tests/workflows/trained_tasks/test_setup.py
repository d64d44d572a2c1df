from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.tiny import TASK, tiny_backbone

from headstart.core.progress import Silent
from headstart.core.unfinished import open_unfinished
from headstart.workflows.trained_tasks.setup import TrainingSetup


@pytest.fixture
def setup(tmp_path: Path):  # type: ignore[no-untyped-def]
    with open_unfinished(tmp_path / "run", {}) as unfinished:
        yield TrainingSetup(lambda: TASK, 3, "cpu", unfinished, lambda: False, (), Silent())


def test_a_new_head_is_drawn_from_the_seed_and_nothing_else_is(setup: TrainingSetup) -> None:
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    ours, again, other = (one.network(tiny_backbone()) for one in (setup, setup, replace(setup, seed=4)))
    torch.testing.assert_close(torch.rand(3), expected)
    assert torch.equal(ours.head.weight, again.head.weight)
    assert not torch.equal(ours.head.weight, other.head.weight)


def test_a_head_that_is_given_is_taken(setup: TrainingSetup) -> None:
    head = {"weight": np.arange(48, dtype=np.float32).reshape(3, 16), "bias": np.ones(3, np.float32)}
    network = setup.network(tiny_backbone(), head)
    np.testing.assert_array_equal(network.head.weight.detach().numpy(), head["weight"])
    np.testing.assert_array_equal(network.head.bias.detach().numpy(), head["bias"])


def test_who_asks_to_stop_stops_what_has_not_begun(setup: TrainingSetup) -> None:
    stopped = replace(setup, stop=lambda: True)
    assert setup.may_begin("one")
    assert not stopped.may_begin("one")
    stopped.work("one").checkpoints.path.write_bytes(b"a snapshot")
    assert stopped.may_begin("one")
    assert not stopped.may_begin("another")


def test_the_task_is_made_when_it_is_needed_and_once(setup: TrainingSetup) -> None:
    made = []
    lazy = replace(setup, make_task=lambda: made.append(1) or TASK)
    assert made == []
    assert lazy.trainer.task is lazy.task
    assert (lazy.trainer.seed, made) == (3, [1])
