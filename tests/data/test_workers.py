"""Worker processes: the same results as without them, exceptions as themselves, and nothing left behind."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from headstart.core.errors import UnknownNameError, UsageError
from headstart.data.items import UnreadableError
from headstart.data.workers import Workers

ROOT = Path(__file__).parents[2]
HEAVY = {"PIL", "openvino", "scipy", "sklearn", "timm", "torch", "torchvision"}


@dataclass(frozen=True)
class Draw:
    number: int
    side: int = 4

    def __str__(self):
        return f"drawing {self.number}"


class HoldingALockError(Exception):
    def __init__(self, message):
        super().__init__(message)
        self.lock = threading.Lock()


ERRORS = {
    "ordinary": ValueError("expected a picture"),
    "of the system": FileNotFoundError(2, "No such file or directory", "photos/x.jpg"),
    "with a constructor of its own": UnreadableError("truncated", "ends after 10 bytes"),
    "with attributes": UnknownNameError("strategy", "prob", ["probe", "partial"]),
    "with a state of its own": UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
}


def draw(job, *, scale=1):
    time.sleep((job.number * 7 % 5) / 500)  # later ones are often done first
    noise = np.random.default_rng(job.number).integers(0, 256, (job.side, job.side, 3), dtype=np.uint8)
    return noise * np.uint8(scale)


def process_number(_):
    return np.array([os.getpid()])


def chatter(job):
    print("work speaks", flush=True)
    os.write(1, b"and so do its libraries\n")
    return draw(job)


def raise_at(place, key, job):
    if job.number < place:
        return process_number(job)
    if job.number == place:
        time.sleep(0.2)  # a later one has raised by then
        raise ERRORS[key]
    raise RuntimeError(f"{job} is not the first")


def raise_with_lock(job):
    raise HoldingALockError(f"{job} failed")


def heavy_imports(_):
    return np.array(sorted(HEAVY & set(sys.modules)))


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """The workers find this module where the tests' process finds it."""
    monkeypatch.syspath_prepend(str(ROOT))


def team(work, *, count=2, said=None, **options):
    said = [] if said is None else said
    return Workers(work, count=count, say=said.append, name=str, **options)


def pids(workers):
    return {int(result[0]) for result in workers.results([Draw(number) for number in range(12)])}


def is_there(pid):
    """Whether a process exists, be it as a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("count", [0, 1, 3])
def test_results_are_those_of_the_work_in_the_order_of_the_jobs(count):
    jobs = [Draw(number, side=1 + number % 9) for number in range(30)]
    with team(partial(draw, scale=3), count=count) as workers:
        for some in (jobs, jobs[::-1], jobs[:1], []):
            results = workers.results(some)
            assert len(results) == len(some)
            for job, result in zip(some, results, strict=True):
                assert np.array_equal(result, draw(job, scale=3))
                assert result.dtype == np.uint8


def test_large_results_arrive_whole_and_can_be_written_to():
    with team(draw) as workers:
        for result in workers.results([Draw(number, side=700) for number in range(3)]):
            assert result.shape == (700, 700, 3)
            assert result.flags.writeable


def test_the_same_processes_serve_until_the_end_and_none_is_started_before_the_first_job():
    before = threading.active_count()
    with team(process_number) as workers:
        assert workers.results([]) == []
        assert threading.active_count() == before
        first = pids(workers)
        assert pids(workers) | first == first
        assert os.getpid() not in first
        assert 1 <= len(first) <= 2
    assert not any(map(is_there, first))
    assert threading.active_count() == before


@pytest.mark.parametrize("ending", [ValueError, KeyboardInterrupt, SystemExit])
def test_no_process_outlives_a_block_that_is_left_by_an_exception(ending):
    with pytest.raises(ending), team(process_number) as workers:
        started = pids(workers)
        raise ending
    assert not any(map(is_there, started))


def test_outside_of_the_block_the_work_is_done_here():
    workers = team(process_number)
    assert pids(workers) == {os.getpid()}
    with workers:
        assert os.getpid() not in pids(workers)
    assert pids(workers) == {os.getpid()}


def test_no_workers_means_threads_of_this_process():
    with team(process_number, count=0) as workers:
        assert pids(workers) == {os.getpid()}


def test_what_the_work_prints_does_not_come_between_the_results(capfd):
    with team(chatter) as workers:
        for number, result in enumerate(workers.results([Draw(number) for number in range(4)])):
            assert np.array_equal(result, draw(Draw(number)))
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.count("work speaks") == printed.err.count("and so do its libraries") == 4


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize("key", ERRORS)
def test_the_first_exception_in_order_comes_back_as_itself_and_the_workers_stay(count, key):
    expected, said = ERRORS[key], []
    with team(partial(raise_at, 5, key), count=count, said=said) as workers:
        before = {int(result[0]) for result in workers.results([Draw(number) for number in range(5)])}
        with pytest.raises(type(expected)) as caught:
            workers.results([Draw(number) for number in range(12)])
        assert str(caught.value) == str(expected)
        assert caught.value.args == expected.args
        for attribute in ("kind", "name", "known", "filename", "reason"):
            assert getattr(caught.value, attribute, None) == getattr(expected, attribute, None)
        after = {int(result[0]) for result in workers.results([Draw(number) for number in range(5)])}
        assert len(before | after) <= max(count, 1)
    assert said == []
    if count:
        assert "in raise_at" in caught.value.__notes__[0]


def test_an_exception_that_cannot_travel_keeps_its_name_and_message():
    with team(raise_with_lock) as workers, pytest.raises(RuntimeError, match="HoldingALockError: drawing 0 failed"):
        workers.results([Draw(0)])


def test_a_job_that_cannot_be_pickled_raises_and_the_next_batch_is_done():
    with team(process_number) as workers:
        with pytest.raises((TypeError, AttributeError), match="pickle"):
            workers.results([Draw(0), threading.Lock()])
        assert os.getpid() not in pids(workers)


def test_work_that_cannot_be_pickled_is_refused():
    with pytest.raises(UsageError, match="Expected `work` to be a function of a module"):
        team(lambda job: job)


@pytest.mark.parametrize("wrong", [{"count": -1}, {"patience": 0.0}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(UsageError, match="Expected `count` >= 0 and `patience` > 0"):
        team(draw, **wrong)


def test_workers_that_cannot_import_the_work_are_done_without(monkeypatch):
    monkeypatch.setattr(sys, "path", [place for place in sys.path if Path(place).resolve() != ROOT])
    said = []
    with team(process_number, said=said) as workers:
        assert pids(workers) == {os.getpid()}
        assert pids(workers) == {os.getpid()}
    assert len(said) == 1
    assert said[0].startswith("The data workers cannot load their work (")
    assert said[0].endswith("); going on without workers.")


def test_workers_that_cannot_be_started_are_done_without(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    said = []
    with team(process_number, said=said) as workers:
        assert pids(workers) == {os.getpid()}
    assert len(said) == 1
    assert said[0].startswith("The data workers cannot be started (")


SCRIPT = """
import numpy
from headstart.data.workers import Workers
print("the script runs")
def own(job):
    return numpy.full(2, job)
for work in (numpy.atleast_1d, own):
    with Workers(work, count=2, say=print, name=str) as workers:
        print(*(int(result[0]) for result in workers.results([3, 1, 2])))
"""


def test_a_script_without_a_guard_runs_once(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-X", "dev", "script.py"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    first, results, excuse, same_results = done.stdout.splitlines()
    assert (first, results, same_results) == ("the script runs", "3 1 2", "3 1 2")
    assert excuse.startswith("The data workers cannot load their work (Can't get attribute 'own'")
    assert done.stderr == ""  # no ResourceWarning either


def test_workers_import_what_the_work_needs_and_nothing_heavier():
    with team(heavy_imports, count=1) as workers:
        assert workers.results([Draw(0)])[0].tolist() == []
