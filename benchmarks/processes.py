"""Running a program as a user would, and what it took: seconds and the largest resident set."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HEADSTART = str(Path(sys.executable).with_name("headstart"))


class ProcessFailedError(RuntimeError):
    """A measured program ended with an error; a figure taken from it would mean nothing."""


@dataclass(frozen=True)
class Finished:
    """A process that ended well.

    Attributes:
        seconds: Wall-clock time from start to end, start-up of the interpreter included.
        peak_bytes: Largest resident set of the process.
        stdout: What it printed on standard output.
    """

    seconds: float
    peak_bytes: int
    stdout: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.stdout)


def run(command: Sequence[str], *, cache: Path | None = None) -> Finished:
    """Runs ``command`` to its end.

    Args:
        command: Program and arguments.
        cache: What ``HEADSTART_CACHE`` is for it; by default what it is here.

    Raises:
        ProcessFailedError: It ended with another status than 0; its last lines are quoted.
    """
    environment = {**os.environ, "HEADSTART_CACHE": str(cache)} if cache else dict(os.environ)
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=stdout, stderr=stderr, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise ProcessFailedError(f"{' '.join(command)} ended with {process.returncode}:\n{_tail(stderr)}")
        stdout.seek(0)
        return Finished(seconds, usage.ru_maxrss * 1024, stdout.read().decode())


def _tail(stream: Any, *, most: int = 2000) -> str:
    stream.seek(0)
    return str(stream.read().decode(errors="replace")[-most:])
