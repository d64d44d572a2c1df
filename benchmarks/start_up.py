"""How long one waits before anything happens."""

from __future__ import annotations

import statistics
import sys

from benchmarks.processes import HEADSTART, run
from benchmarks.results import Result
from benchmarks.settings import Settings

_COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import headstart'": [sys.executable, "-c", "import headstart"],
    "headstart --help": [HEADSTART, "--help"],
}


def measure(settings: Settings) -> Result:
    """Median seconds of the commands that ought to be instant, and of an empty interpreter for comparison."""
    for command in _COMMANDS.values():
        run(command)  # once untimed, so that byte code is compiled and files are in memory
    seconds = {
        name: statistics.median(run(command).seconds for _ in range(4 * settings.runs))
        for name, command in _COMMANDS.items()
    }
    return Result(
        title="Start-up",
        method=f"Median of {4 * settings.runs} processes each, after one that is not counted.",
        columns=["command", "seconds"],
        rows=[[f"`{name}`", f"{value:.3f}"] for name, value in seconds.items()],
        figures=seconds,
    )
