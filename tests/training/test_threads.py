"""The number of threads changes inside the block and only there, and follows what is quicker."""

import time

import pytest
import torch

from headstart.training import timing
from headstart.training.threads import computing_threads
from headstart.training.timing import quicker_threads


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_threads_are_put_back_whatever_happens(two_threads):
    with pytest.raises(RuntimeError), computing_threads(1):
        assert torch.get_num_threads() == 1
        raise RuntimeError
    assert torch.get_num_threads() == 2
    with computing_threads(None):
        assert torch.get_num_threads() == 2


@pytest.mark.parametrize(("alone", "together", "chosen"), [(0.001, 0.02, 1), (0.02, 0.001, None)])
def test_the_quicker_number_is_chosen(two_threads, alone, together, chosen):
    def work():
        time.sleep(alone if torch.get_num_threads() == 1 else together)

    assert quicker_threads(work, most_seconds=0.05) == chosen


def test_with_one_thread_there_is_nothing_to_choose(two_threads, monkeypatch):
    torch.set_num_threads(1)
    monkeypatch.setattr(timing, "mean_seconds", lambda *_, **__: pytest.fail("timed"))
    assert quicker_threads(lambda: None, most_seconds=1) is None
