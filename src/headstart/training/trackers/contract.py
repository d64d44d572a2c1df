"""What a tracker offers, and the registry of trackers.

A tracker is handed every entry of the step log as it is written. Each opening is a new recording: a fit that goes on
after an interruption hands on the steps since its last checkpoint again, at most once per resume and under the same
step numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from headstart.core.progress import Progress
from headstart.core.registry import Registry
from headstart.training.step_log import Listener


class Tracker(Protocol):
    """Hears every entry of the step log."""

    def __call__(self, entry: Mapping[str, Any]) -> None:
        """Passes on one entry: an optimizer step's or an epoch's, with the name of its training."""

    def close(self) -> None:
        """Writes out what is still held back; nothing comes after it."""


class OpenTracker(Protocol):
    """Starts a recording."""

    def __call__(self, folder: Path, *, run_name: str, config: Mapping[str, Any]) -> Tracker:
        """Opens a tracker.

        Args:
            folder: Where recordings of many runs may lie; made where needed.
            run_name: What the recording is called.
            config: The options of the fit, as JSON values.

        Raises:
            UnavailableError: A package is not installed, or the place that the user has named does not answer.
        """


#: Name, as ``--log`` takes it, to opener.
TRACKERS: Registry[OpenTracker] = Registry(
    "tracker",
    {
        "tensorboard": "headstart.training.trackers.tensorboard:open_tensorboard",
        "mlflow": "headstart.training.trackers.mlflow:open_mlflow",
        "wandb": "headstart.training.trackers.wandb:open_wandb",
    },
    group="headstart.trackers",
)


@contextmanager
def guarded(tracker: Tracker, name: str, progress: Progress) -> Iterator[Listener]:
    """A tracker that may fail without ending the training: that is said once, and from then on it hears nothing.

    Args:
        tracker: Closed when the block ends.
        name: As the user writes it.
        progress: Is told of the failure.
    """
    failed = False

    def tell(entry: Mapping[str, Any]) -> None:
        nonlocal failed
        if failed:
            return
        try:
            tracker(entry)
        except Exception as error:
            failed = True
            progress.say(f"{name} failed and hears no more of this fit, which goes on: {error}")

    try:
        yield tell
    finally:
        with suppress(Exception):
            tracker.close()


def scalars_of(entry: Mapping[str, Any]) -> tuple[int, dict[str, float]]:
    """The place of an entry, and its numbers by name.

    Args:
        entry: Of the step log. What is no number, and the entry's own place, is not among the numbers.

    Returns:
        The optimizer step, or the epoch where the entry has no step; and ``"<training>/<key>"`` to value.

    Example:
        >>> scalars_of({"training": "blocks.6", "phase": 0, "epoch": 1, "step": 17, "loss": 0.5})
        (17, {'blocks.6/loss': 0.5})
    """
    place = int(entry["step"] if "step" in entry else entry["epoch"])
    own = {"training", "phase", "epoch", "step"}
    numbers = {key: value for key, value in entry.items() if key not in own and isinstance(value, int | float)}
    return place, {f"{entry['training']}/{key}": float(value) for key, value in numbers.items()}
