"""What the user sees while a verb works: a live line on a terminal, plain lines elsewhere; always on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

#: Elsewhere than on a terminal a long step says how far it is once in so many seconds.
PLAIN_SECONDS = 10.0


class PlainProgress:
    """One line per step, and for a long step one every few seconds."""

    def __init__(self) -> None:
        self._step, self._done = "", 0
        self._total: int | None = None
        self._begun = self._spoken = time.perf_counter()

    def start(self, step: str, *, total: int | None = None) -> None:
        """Begins a step."""
        self._step, self._total, self._done = step, total, 0
        self._begun = self._spoken = time.perf_counter()

    def advance(self, amount: int = 1) -> None:
        """Says how far the step is, if it has been silent for long."""
        self._done += amount
        if time.perf_counter() - self._spoken >= PLAIN_SECONDS:
            self._spoken = time.perf_counter()
            self.say(f"{self._step}: {self._done} of {self._total}" if self._total else f"{self._step}: {self._done}")

    def finish(self, summary: str = "") -> None:
        """Says what came of the step."""
        self.say(f"{self._step}: {summary or 'done'} ({time.perf_counter() - self._begun:.1f} s)")

    def say(self, message: str) -> None:
        """Prints a line."""
        print(message, file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class RichProgress:
    """A live line with a bar for the current step, and a ticked line for every finished one."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        self._console = Console(stderr=True, highlight=False)
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self._console,
            transient=True,
        )
        self._task = self._bars.add_task("", visible=False)
        self._step = ""
        self._begun = time.perf_counter()

    def start(self, step: str, *, total: int | None = None) -> None:
        """Shows the step's bar."""
        self._step, self._begun = step, time.perf_counter()
        self._bars.remove_task(self._task)  # a task that has had a total never loses it again
        self._task = self._bars.add_task(step, total=total)

    def advance(self, amount: int = 1) -> None:
        """Moves the bar."""
        self._bars.advance(self._task, amount)

    def finish(self, summary: str = "") -> None:
        """Turns the bar into a line that stays."""
        from rich.markup import escape

        self._bars.update(self._task, visible=False)
        seconds = time.perf_counter() - self._begun
        took = f" [dim]{seconds:.1f} s[/]" if seconds >= 0.05 else ""
        self._console.print(f"[green]✓[/] {escape(self._step):<16} [dim]{escape(summary)}[/]{took}")

    def say(self, message: str) -> None:
        """Prints a line above the bar."""
        self._console.print(message, markup=False)

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()


def progress_for_stderr() -> PlainProgress | RichProgress:
    """The listener that suits where standard error goes."""
    return RichProgress() if sys.stderr.isatty() else PlainProgress()


def print_summary(metrics: Mapping[str, Any]) -> None:
    """Prints what a fit came to: in colour on a terminal, as plain lines elsewhere."""
    from headstart.cli import summary

    if sys.stderr.isatty():
        from rich.console import Console

        Console(stderr=True, highlight=False).print(summary.summary_renderable(metrics))
    else:
        print("\n".join(summary.summary_lines(metrics)), file=sys.stderr)
