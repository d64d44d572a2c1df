"""Snapshots of a training on disk: one file, replaced whole, so that a killed process always leaves one that loads.

A snapshot is a safetensors file; what is no tensor stands as JSON in its metadata, with a hash over both.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.core.errors import RunFolderError
from headstart.core.files import storage_errors, write_bytes
from headstart.training.step_log import Listener, StepLog

if TYPE_CHECKING:
    from torch import Tensor

#: At the end of an epoch saving may take up to this share of the time since the last snapshot.
_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A training at one moment.

    Attributes:
        tensors: By name.
        facts: All else, as plain JSON values.
    """

    tensors: Mapping[str, Tensor]
    facts: Mapping[str, Any]


class Checkpoints:
    """The newest snapshot of one training.

    The clock decides only when a snapshot is made, never what comes out of the training.

    Args:
        folder: Of this training alone.
        seconds: A snapshot is made when so many seconds have gone since the last, and at the end of an epoch unless
            epochs are so short that saving would take more than a tenth of the time.
    """

    def __init__(self, folder: Path, seconds: float = 20.0) -> None:
        self.path = folder / "snapshot.safetensors"
        self._seconds = seconds
        self._saved, self._took = time.monotonic(), 0.0

    def due(self, *, epoch_ended: bool) -> bool:
        """Whether it is time for a snapshot."""
        wait = min(self._seconds, self._took / _SHARE) if epoch_ended else self._seconds
        return time.monotonic() - self._saved >= wait

    def save(self, snapshot: Snapshot) -> None:
        """Replaces the snapshot on disk.

        Raises:
            StorageError: The disk is full, read-only or not ours; the snapshot before is untouched.
        """
        from safetensors.torch import save

        begun = time.monotonic()
        # cloned, because safetensors refuses tensors that share memory, such as tied weights
        tensors = {name: value.detach().cpu().clone().contiguous() for name, value in snapshot.tensors.items()}
        facts = json.dumps(snapshot.facts, allow_nan=False)
        write_bytes(self.path, save(tensors, metadata={"facts": facts, "sha256": _digest(tensors, facts)}))
        self._saved = time.monotonic()
        self._took = self._saved - begun

    def load(self) -> Snapshot | None:
        """The snapshot on disk; ``None`` where there is none.

        Raises:
            RunFolderError: It is not what was saved.
        """
        from safetensors import SafetensorError, safe_open

        for part in self.path.parent.glob(f".{self.path.name}.*.part"):  # left by a process that was killed
            with storage_errors(part):
                part.unlink(missing_ok=True)
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                metadata: dict[str, str] = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- it is no mapping
        except (SafetensorError, OSError) as error:
            raise self.unusable(f"it cannot be read: {error}") from error
        if _digest(tensors, metadata.get("facts", "")) != metadata.get("sha256"):
            raise self.unusable("its bytes have changed")
        return Snapshot(tensors, json.loads(metadata["facts"]))

    def unusable(self, reason: str) -> RunFolderError:
        """What to raise where the training cannot go on from the snapshot."""
        return RunFolderError(
            f"Expected {self.path} to be the snapshot that this training left, but {reason}; "
            f"delete {self.path.parent} to begin anew."
        )


def _digest(tensors: dict[str, Tensor], facts: str) -> str:
    from headstart.training.frozen import state_hash

    return hashlib.sha256(f"{state_hash(tensors)} {facts}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class TrainingWork:
    """Where a training keeps what it needs to be taken up again, and who may stop it.

    Attributes:
        folder: Of this training alone: its plan, its snapshot and its step log.
        stop: Asked before every step; once it is true, the training saves itself and ends.
        listeners: Told every entry of the step log.
        training: What the training is called in the step log.
    """

    folder: Path
    stop: Callable[[], bool]
    listeners: Sequence[Listener] = ()
    training: str = ""

    @property
    def plan(self) -> Path:
        """Where the plan is stored before the training begins."""
        return self.folder / "plan.json"

    @property
    def has_begun(self) -> bool:
        """Whether an earlier process has left a snapshot."""
        return self.checkpoints.path.exists()

    @property
    def checkpoints(self) -> Checkpoints:
        """For the loop."""
        return Checkpoints(self.folder)

    @property
    def log(self) -> StepLog:
        """For the loop."""
        return StepLog(self.folder / "steps.jsonl", self.listeners, self.training)
