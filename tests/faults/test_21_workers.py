"""Fault 21: a data worker that dies or hangs: the sample is named, and the work is finished without workers."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from headstart.data.images import decode
from headstart.data.workers import Workers

ROOT = Path(__file__).parents[2]
HERE = os.getpid()


@dataclass(frozen=True)
class Photo:
    path: Path
    caller: int
    evil: bool = False


def prepare(misfortune, photo):
    """Decodes a picture; in a worker, the evil one does what it does."""
    if photo.evil and os.getpid() != photo.caller:
        misfortune()
    return decode(photo.path.read_bytes()).pixels


def process_number_after(seconds):
    time.sleep(seconds)
    return np.array([os.getpid()])


def signal_oneself(number):
    os.kill(os.getpid(), number)
    time.sleep(1000)


DEATHS = {
    "exit code -9": partial(signal_oneself, signal.SIGKILL),
    "exit code -11": partial(signal_oneself, signal.SIGSEGV),
    "exit code 3": partial(os._exit, 3),
}
HANGS = {"sleeps": partial(time.sleep, 1000), "is stopped": partial(signal_oneself, signal.SIGSTOP)}


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """The workers find this module where the tests' process finds it."""
    monkeypatch.syspath_prepend(str(ROOT))


def is_there(pid):
    """Whether a process exists, be it as a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def photos(folder, *, evil):
    paths = sorted(folder.rglob("*.png"))[:12]
    return [Photo(path, HERE, evil=place == evil) for place, path in enumerate(paths)]


def finish_in_spite_of(misfortune, shapes, *, patience=60.0):
    """The sentences said while two batches are prepared, the first with an evil photo; the results have to be right."""
    jobs, said = photos(shapes, evil=5), []
    with Workers(
        partial(prepare, misfortune),
        count=2,
        patience=patience,
        say=said.append,
        name=lambda photo: photo.path.relative_to(shapes).as_posix(),
    ) as workers:
        for batch in (jobs[:3], jobs, jobs[::-1]):
            for job, result in zip(batch, workers.results(batch), strict=True):
                assert np.array_equal(result, decode(job.path.read_bytes()).pixels)
    return jobs[5].path.relative_to(shapes).as_posix(), said


@pytest.mark.parametrize("how", DEATHS)
def test_a_worker_that_dies_names_its_sample_once(how, shapes):
    name, said = finish_in_spite_of(DEATHS[how], shapes)
    assert said == [f"A data worker died while it prepared {name} ({how}); going on without workers."]


@pytest.mark.parametrize("how", HANGS)
def test_a_worker_that_hangs_names_its_sample_once(how, shapes):
    begun = time.monotonic()
    name, said = finish_in_spite_of(HANGS[how], shapes, patience=0.5)
    assert said == [f"A data worker gave no answer for 0.5 seconds while it prepared {name}; going on without workers."]
    assert time.monotonic() - begun < 20


def test_patience_is_for_each_job_not_for_the_batch():
    said = []
    with Workers(process_number_after, count=1, patience=0.9, say=said.append, name=str) as workers:
        assert os.getpid() not in {int(result[0]) for result in workers.results([0.3] * 5)}
    assert said == []


def test_a_worker_that_is_killed_between_two_batches_accuses_no_sample():
    said = []
    with Workers(process_number_after, count=1, say=said.append, name=str) as workers:
        (pid,) = workers.results([0.0])[0].tolist()
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)  # until it is dead; the caller has not noticed
        assert workers.results([0.0])[0].tolist() == [os.getpid()]
        assert not is_there(pid)
    assert said == ["A data worker died while it had nothing to do (exit code -9); going on without workers."]


def test_an_interrupt_does_not_reach_the_workers():
    said = []
    with Workers(process_number_after, count=1, say=said.append, name=str) as workers:
        (pid,) = workers.results([0.0])[0].tolist()
        assert os.getpgid(pid) != os.getpgid(0)  # a terminal interrupts the process group of the caller
        os.kill(pid, signal.SIGINT)
        time.sleep(0.2)
        assert workers.results([0.0])[0].tolist() == [pid]
    assert said == []


CALLER = """
import sys, time
from headstart.data.workers import Workers
from tests.faults.test_21_workers import process_number_after
with Workers(process_number_after, count=2, say=print, name=str) as workers:
    print(*sorted({int(result[0]) for result in workers.results([0.2] * 4)}), flush=True)
    if sys.argv[1] == "busy":
        workers.results([1000.0, 1000.0])
    time.sleep(1000)
"""


@pytest.fixture
def caller(request):
    """A program with two workers, which are busy or idle; its process, and their process numbers."""
    command = [sys.executable, "-c", CALLER, request.param]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        pids = [int(word) for word in process.stdout.readline().split()]
        assert len(pids) == 2
        assert all(map(is_there, pids))
        time.sleep(0.3)  # until the long jobs have been handed over
        yield process, pids
        for pid in (process.pid, *pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("caller", ["busy", "idle"], indirect=True)
def test_workers_end_with_a_caller_that_is_killed(caller):
    process, _ = caller
    process.kill()
    assert process.communicate(timeout=10) == ("", "")  # ends when the last that holds the pipes has: also the workers


@pytest.mark.parametrize("caller", ["busy", "idle"], indirect=True)
def test_interrupting_the_caller_ends_the_workers_at_once(caller):
    process, pids = caller
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, complaint = process.communicate(timeout=10)
    assert not any(map(is_there, pids))
    assert complaint.count("Traceback") == complaint.count("KeyboardInterrupt") == 1
