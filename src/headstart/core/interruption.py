"""Ctrl-C as a wish instead of an end: the first one is noted, the second one stops at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from headstart.core.progress import Progress

MESSAGE = "Interrupted: saving the best so far; press Ctrl-C again to stop at once. The same command goes on from here."


class Interruption:
    """Whether somebody has asked to stop.

    Attributes:
        requested: Set by the first Ctrl-C; long work looks at it wherever it can stop well.
    """

    def __init__(self) -> None:
        self.requested = False


@contextmanager
def interruptible(progress: Progress) -> Iterator[Interruption]:
    """Inside the block the first Ctrl-C only sets ``requested`` and says so; the second does what the first did before.

    That is to raise ``KeyboardInterrupt``, unless the program has a handler of its own. Where signals cannot be
    handled (outside the main thread) or Ctrl-C is ignored (a job in the background), everything stays as it is.

    Args:
        progress: Is told what happens now.
    """
    interruption = Interruption()
    before = signal.getsignal(signal.SIGINT)

    def handle(number: int, frame: FrameType | None) -> None:
        if interruption.requested:
            if callable(before):
                before(number, frame)
            raise KeyboardInterrupt
        interruption.requested = True
        with contextlib.suppress(RuntimeError):  # the signal may come amid a write to the very stream that is said to
            progress.say(MESSAGE)

    # None: somebody else's handler, which could not be put back.
    if threading.current_thread() is not threading.main_thread() or before in {None, signal.SIG_IGN}:
        yield interruption
        return
    signal.signal(signal.SIGINT, handle)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, before)
