"""Decoding in worker processes that may die or hang: the sample is named, and the work goes on without them.

    results(jobs) ──► thread ──job──► process ──► work(job)
                             ◄─result or exception──┘

A worker has one job in hand at a time, so that whoever dies or hangs names its sample. Workers are programs of their
own, neither forked nor started by ``multiprocessing``: nothing of the caller's script runs a second time, so scripts
need no ``if __name__ == "__main__"`` and notebooks work; in return ``work`` must lie in a module. They end with the
pipe that they listen to, however the caller ended. What travels is pickled by our own processes for our own processes.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Any, Generic, Self, TypeAlias, TypeVar, cast

from numpy.typing import NDArray

from headstart.core.errors import UsageError
from headstart.core.machine import cores

Job = TypeVar("Job")
#: Who answered, and what; ``None`` where nobody will answer any more.
_Answers: TypeAlias = "SimpleQueue[tuple[_Worker, bytes | None]]"

#: A worker process: the caller's ``sys.path`` are its arguments, so that it imports what the caller would import.
_PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from headstart.data.workers import serve; serve()"
#: Seconds within which a worker has to have imported what the work needs, unless more patience is asked for.
_START = 60.0
#: Seconds that a killed process is waited for; one that is stuck in the kernel is left to the system.
_LAST_WAIT = 5.0


class Workers(Generic[Job]):
    """Worker processes that all do the same work; a context manager, whose end is theirs.

    The processes start at the first use. After one has died or hung, all are ended, and from then on everything is done
    in this process, in as many threads as there are processors; there, nothing guards against a sample that always
    hangs. That is also how it is outside of the ``with`` block. Only one thread may ask for results at a time.

    >>> import numpy as np
    >>> with Workers(np.atleast_1d, count=1, say=print, name=str) as workers:
    ...     workers.results([1, 2, 3])
    [array([1]), array([2]), array([3])]

    Args:
        work: A job to its result: a function of a module, or a ``functools.partial`` of one; picklable. It may print,
            and it may raise; it has no terminal to read from.
        count: Worker processes; 0 for none.
        patience: Seconds that a worker may have one job in hand before it counts as hanging.
        say: Is told, once and in one sentence, why the work goes on without workers.
        name: A job to what people call it, for that sentence.

    Raises:
        UsageError: ``work`` cannot be pickled, or ``count`` or ``patience`` is out of range.
    """

    def __init__(
        self,
        work: Callable[[Job], NDArray[Any]],
        *,
        count: int,
        patience: float = 60.0,
        say: Callable[[str], None],
        name: Callable[[Job], str],
    ) -> None:
        if count < 0 or patience <= 0:
            raise UsageError(f"Expected `count` >= 0 and `patience` > 0 seconds, but got {count} and {patience}.")
        self._work, self._count, self._patience, self._say, self._name = work, count, patience, say, name
        self._pickled_work = _pickled_work(work) if count else b""
        self._wanted = 0
        self._crew: list[_Worker] = []
        self._answers: _Answers = SimpleQueue()

    def __enter__(self) -> Self:
        """Allows processes; none is started yet."""
        self._wanted = self._count
        return self

    def __exit__(self, *_: object) -> None:
        """Ends all processes."""
        self._wanted = 0
        self._end()

    def results(self, jobs: Sequence[Job]) -> list[NDArray[Any]]:
        """The result of every job, in their order.

        Args:
            jobs: Picklable and small; no more than one per worker is on its way at a time.

        Raises:
            Exception: Whatever ``work`` raised for the first job in order for which it did, as itself; its notes hold
                the worker's traceback. The workers stay usable.
        """
        batch = _Batch(jobs)
        if self._wanted and jobs:
            try:
                self._hand_out(batch)
            except _LostError as lost:
                self._wanted = 0
                self._end()
                self._say(f"{lost}; going on without workers.")
            except BaseException:
                self._end()  # some have jobs in hand that nobody waits for any more
                raise
        first_raised = min(batch.raised, default=len(jobs))
        missing = [place for place in range(first_raised) if place not in batch.done]
        batch.done.update(zip(missing, self._here([jobs[place] for place in missing]), strict=True))
        if batch.raised:
            raise batch.raised[first_raised]
        return [batch.done[place] for place in range(len(jobs))]

    def _here(self, jobs: Sequence[Job]) -> list[NDArray[Any]]:
        if not jobs:
            return []
        with ThreadPoolExecutor(max_workers=cores()) as pool:
            return list(pool.map(self._work, jobs))

    def _hand_out(self, batch: _Batch[Job]) -> None:
        """Gives every idle worker the next job until all are done, or one has raised and the others are done."""
        if not self._crew:
            self._start()
        idle, busy, waiting = list(self._crew), dict[_Worker, int](), deque(range(len(batch.jobs)))
        while busy or waiting:
            while idle and waiting:
                worker, place = idle.pop(), waiting.popleft()
                self._hand_over(worker, batch.jobs[place])
                busy[worker] = place
            worker, answer = self._next_answer(busy)
            if isinstance(answer, _Raised):
                batch.raised[busy.pop(worker)] = answer.error()
                waiting.clear()
            else:
                batch.done[busy.pop(worker)] = answer
            idle.append(worker)

    def _start(self) -> None:
        """Starts all processes and waits until they have loaded the work."""
        self._answers = SimpleQueue()
        try:
            for _ in range(self._wanted):
                self._crew.append(_Worker(self._answers))
        except OSError as error:
            raise _LostError(f"The data workers cannot be started ({error})") from error
        for worker in self._crew:
            worker.give(self._pickled_work, doing="started", seconds=max(_START, self._patience))
        busy = set(self._crew)
        while busy:
            worker, answer = self._next_answer(busy)
            if isinstance(answer, _Raised):
                raise _LostError(f"The data workers cannot load their work ({answer.error()})")
            busy.remove(worker)

    def _hand_over(self, worker: _Worker, job: Job) -> None:
        payload = pickle.dumps(job, protocol=5)
        if worker.exit_code() is not None:
            raise _LostError(f"A data worker died while it had nothing to do (exit code {worker.exit_code()})")
        worker.give(payload, doing=f"prepared {self._name(job)}", seconds=self._patience)

    def _next_answer(self, busy: Collection[_Worker]) -> tuple[_Worker, Any]:
        slowest = min(busy, key=lambda worker: worker.until)
        try:
            worker, payload = self._answers.get(timeout=max(0.0, slowest.until - time.monotonic()))
        except Empty:
            reason = f"A data worker gave no answer for {slowest.seconds:g} seconds while it {slowest.doing}"
            raise _LostError(reason) from None
        if payload is None:
            code = worker.exit_code(wait=_LAST_WAIT)
            raise _LostError(f"A data worker died while it {worker.doing} (exit code {code})")
        return worker, pickle.loads(payload)

    def _end(self) -> None:
        crew, self._crew = self._crew, []
        for worker in crew:
            worker.kill()
        for worker in crew:
            worker.join()


class _LostError(Exception):
    """There can be no more workers; the text says why, as the beginning of a sentence."""


@dataclass(frozen=True)
class _Batch(Generic[Job]):
    """Jobs, and what came of them so far, by place."""

    jobs: Sequence[Job]
    done: dict[int, NDArray[Any]] = field(default_factory=dict)
    raised: dict[int, Exception] = field(default_factory=dict)


class _Worker:
    """The caller's end of one process, and the thread that talks with it, so that the caller need not wait for ever."""

    def __init__(self, answers: _Answers) -> None:
        self._payloads: SimpleQueue[bytes | None] = SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in a terminal is the caller's business alone
        )
        self._thread = Thread(target=self._talk, args=(answers,), daemon=True)
        self._thread.start()

    def give(self, payload: bytes, *, doing: str, seconds: float) -> None:
        """Sends something; the answer, or ``None`` once the process has died, comes through the queue.

        ``doing`` says in the past tense what the process does with it, ``seconds`` how long that may take.
        """
        self.doing, self.seconds, self.until = doing, seconds, time.monotonic() + seconds
        self._payloads.put(payload)

    def exit_code(self, *, wait: float = 0.0) -> int | None:
        """How the process ended, negative for a signal; ``None`` while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(wait)
        return self._process.returncode

    def kill(self) -> None:
        """Ends the process at once: it holds nothing that could be lost."""
        self._process.kill()
        self._payloads.put(None)

    def join(self) -> None:
        """Waits for the end of process and thread."""
        self.exit_code(wait=_LAST_WAIT)
        self._thread.join(_LAST_WAIT)

    def _talk(self, answers: _Answers) -> None:
        to_worker, from_worker = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        try:
            with to_worker, from_worker:
                while (payload := self._payloads.get()) is not None:
                    _send(to_worker, payload)
                    answers.put((self, _receive(from_worker)))
        except (OSError, EOFError):
            answers.put((self, None))


def serve() -> None:
    """The whole life of a worker process: loads the work, then answers jobs until nobody can ask any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from_caller, to_caller = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what the work prints must not come between the answers
    payloads: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_listen, args=(from_caller, payloads), daemon=True).start()
    try:
        work = pickle.loads(payloads.get())
    except Exception as error:
        _reply(to_caller, _pickled_exception(error))
        return
    _reply(to_caller, pickle.dumps(None))
    while True:
        _reply(to_caller, _answer(work, payloads.get()))


def _listen(stream: IO[bytes], payloads: SimpleQueue[bytes]) -> None:
    """Ends this process when the caller is gone, also in the middle of a job."""
    with suppress(OSError, EOFError):
        while True:
            payloads.put(_receive(stream))
    os._exit(0)


def _reply(stream: IO[bytes], payload: bytes) -> None:
    try:
        _send(stream, payload)
    except OSError:
        os._exit(0)  # nobody is there to read it


def _answer(work: Callable[[Any], NDArray[Any]], payload: bytes) -> bytes:
    try:
        return pickle.dumps(work(pickle.loads(payload)), protocol=5)
    except Exception as error:
        return _pickled_exception(error)


def _pickled_exception(error: Exception) -> bytes:
    error.add_note(f"In a data worker:\n{''.join(traceback.format_exception(error))}")
    try:
        return pickle.dumps(_Raised.from_error(error))
    except Exception:  # it holds something that cannot travel
        return pickle.dumps(_Raised.from_error(RuntimeError(f"{type(error).__name__}: {error}")))


@dataclass(frozen=True)
class _Raised:
    """An exception under way; pickle alone cannot rebuild one that takes other arguments than it hands to its base."""

    kind: type[Exception]
    arguments: tuple[Any, ...]
    shown: tuple[Any, ...]
    state: dict[str, Any] | None

    @classmethod
    def from_error(cls, error: Exception) -> _Raised:
        """Takes an exception apart."""
        _, arguments, *state = cast(tuple[Any, ...], error.__reduce__())
        return cls(type(error), arguments, error.args, state[0] if state else None)

    def error(self) -> Exception:
        """The exception again: the same type, arguments and attributes."""
        try:
            error = self.kind(*self.arguments)
        except Exception:
            error = self.kind.__new__(self.kind, *self.arguments)
        error.args = self.shown
        error.__setstate__(self.state)
        return error


def _pickled_work(work: Callable[[Any], NDArray[Any]]) -> bytes:
    try:
        return pickle.dumps(work, protocol=5)
    except Exception as error:
        raise UsageError(
            f"Expected `work` to be a function of a module or a partial of one, but got {work!r}, which cannot be "
            f"pickled ({error}); move it to the top level of a module, or ask for 0 workers."
        ) from error


def _send(stream: IO[bytes], payload: bytes) -> None:
    stream.write(len(payload).to_bytes(8, "little") + payload)
    stream.flush()


def _receive(stream: IO[bytes]) -> bytes:
    size = int.from_bytes(stream.read(8), "little")
    payload = stream.read(size)
    if not payload or len(payload) < size:
        raise EOFError
    return payload
