"""Where files go that are not what they should be: nobody loads them, and somebody may want to look at them."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from headstart.core.home import cache_home


def quarantine(path: Path) -> str:
    """Moves a file out of the way, and says in a sentence where to.

    A file that may not be moved stays, and the sentence says that: the one to be told is about to hear that the file is
    wrong, which matters more.
    """
    aside = cache_home() / "weights" / "quarantine" / f"{path.name}-{time.time_ns()}"
    try:
        aside.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(path, aside)
    except OSError as error:
        return f"It could not be moved away ({error.strerror}): {path}."
    return f"It was moved to {aside}."
