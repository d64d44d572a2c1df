"""Steps to TensorBoard's event files; watch them with ``tensorboard --logdir FOLDER/tensorboard``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.core.errors import UnavailableError
from headstart.core.files import storage_errors
from headstart.training.trackers.contract import Tracker, scalars_of

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FLUSH_SECONDS = 10


def open_tensorboard(folder: Path, *, run_name: str, config: Mapping[str, Any]) -> Tracker:
    """Writes into ``folder/tensorboard/RUN_NAME``; a resumed fit goes on there in a file of its own.

    Args:
        folder: Where recordings of many runs may lie.
        run_name: Name of the curve.
        config: Shown as text.

    Raises:
        UnavailableError: TensorBoard is not installed.
        StorageError: The disk is full, read-only or not ours.
    """
    try:
        import tensorboard  # noqa: F401 -- torch's writer keeps working once imported, whatever became of the package
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError as error:
        raise UnavailableError.missing_extra(
            "--log tensorboard", module=error.name or "tensorboard", extra="tensorboard"
        ) from error
    place = folder / "tensorboard" / run_name
    with storage_errors(place):
        writer = SummaryWriter(str(place), flush_secs=FLUSH_SECONDS)
    text = json.dumps(dict(config), indent=2)
    writer.add_text("config", "\n".join(f"    {line}" for line in text.splitlines()))
    return TensorBoardTracker(writer)


class TensorBoardTracker:
    """Fits :class:`~headstart.training.trackers.contract.Tracker`."""

    def __init__(self, writer: SummaryWriter) -> None:
        self._writer = writer

    def __call__(self, entry: Mapping[str, Any]) -> None:
        """Adds the entry's numbers at its step."""
        step, scalars = scalars_of(entry)
        for name, value in scalars.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Writes out what is still held back."""
        self._writer.close()
