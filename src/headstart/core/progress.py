"""How a long step tells somebody how far it is, without knowing who listens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """What a listener offers; the command line draws it, the library default stays silent."""

    def start(self, step: str, *, total: int | None = None) -> None:
        """A step begins; ``total`` is its length where it is known."""

    def advance(self, amount: int = 1) -> None:
        """The current step has come ``amount`` further."""

    def finish(self, summary: str = "") -> None:
        """The current step is done; ``summary`` says in a few words what came of it."""

    def say(self, message: str) -> None:
        """Something that the user should know now."""


class Silent:
    """The default listener."""

    def start(self, step: str, *, total: int | None = None) -> None:
        """Says nothing."""

    def advance(self, amount: int = 1) -> None:
        """Says nothing."""

    def finish(self, summary: str = "") -> None:
        """Says nothing."""

    def say(self, message: str) -> None:
        """Says nothing."""


class Stopwatch:
    """Seconds per named step, in the order in which the steps were first taken."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Adds the time spent inside the block to ``name``."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun
