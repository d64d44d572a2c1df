"""Every optimizer step and every epoch as a line of JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from headstart.core.errors import RunFolderError
from headstart.core.files import storage_errors

#: Is told every entry.
Listener = Callable[[Mapping[str, Any]], None]


class StepLog:
    """Appends entries to a file and passes them on.

    Args:
        path: The file; several trainings may follow one another in it.
        listeners: Told every entry after it has been written; a training that goes on from a snapshot tells the steps
            since then again.
        training: The training's name, the first value of every entry.
    """

    def __init__(self, path: Path, listeners: Sequence[Listener] = (), training: str = "") -> None:
        self.path, self.training = path, training
        self._listeners = tuple(listeners)

    @property
    def position(self) -> int:
        """The file's length in bytes."""
        return self.path.stat().st_size if self.path.exists() else 0

    def synced(self) -> int:
        """The file's length in bytes, all of which have reached the disk."""
        if self.path.exists():
            with storage_errors(self.path), self.path.open("rb") as stream:
                os.fsync(stream.fileno())
        return self.position

    def write(self, entry: Mapping[str, Any]) -> None:
        """Appends an entry; it has left this process when the call returns.

        Raises:
            StorageError: The disk is full, read-only or not ours.
        """
        named = {"training": self.training, **entry}
        with storage_errors(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(named, allow_nan=False) + "\n")
        for listener in self._listeners:
            listener(named)

    def rewind(self, position: int) -> None:
        """Forgets all that was written after the file had this length.

        Raises:
            RunFolderError: The file is shorter than that.
            StorageError: The disk refuses.
        """
        if self.position < position:
            raise RunFolderError(
                f"Expected {self.path} to hold the {position:,} bytes that were logged before the training was "
                f"interrupted, but it holds {self.position:,}; restore it, or delete its folder to begin anew."
            )
        if self.position > position:
            with storage_errors(self.path):
                os.truncate(self.path, position)
