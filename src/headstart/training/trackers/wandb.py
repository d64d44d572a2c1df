"""Steps to Weights & Biases: offline into a folder, unless the user has set ``WANDB_MODE``.

What was recorded offline can be sent later, by the user: ``wandb sync FOLDER/wandb/offline-run-*``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.core.errors import UnavailableError
from headstart.core.files import storage_errors
from headstart.training.trackers.contract import Tracker, scalars_of

if TYPE_CHECKING:
    from wandb import Run

PROJECT = "headstart"


def open_wandb(folder: Path, *, run_name: str, config: Mapping[str, Any]) -> Tracker:
    """Begins a W&B run in ``folder/wandb``; a resumed fit is another run of the same name.

    Nothing is sent unless ``WANDB_MODE`` says so. W&B's reports about its own errors are switched off, and its cache
    lies in the folder, unless ``WANDB_ERROR_REPORTING`` and ``WANDB_CACHE_DIR`` say otherwise.

    Args:
        folder: Where recordings of many runs may lie.
        run_name: Name of the W&B run.
        config: Its config.

    Raises:
        UnavailableError: W&B is not installed, or the server does not answer.
        StorageError: The disk is full, read-only or not ours.
    """
    # Before a run's own settings are known, its mode among them, only this keeps W&B from reporting an error.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    os.environ.setdefault("WANDB_CACHE_DIR", str((folder / "wandb" / "cache").resolve()))
    try:
        import wandb
    except ModuleNotFoundError as error:
        raise UnavailableError.missing_extra("--log wandb", module=error.name or "wandb", extra="wandb") from error
    with storage_errors(folder):
        (folder / "wandb").mkdir(parents=True, exist_ok=True)
    try:
        run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=run_name,
            dir=str(folder),
            config=dict(config),
            mode=None if os.environ.get("WANDB_MODE") else "offline",
            reinit="create_new",
            settings=wandb.Settings(console="off", silent=True, disable_git=True, save_code=False),
        )
    except wandb.Error as error:
        raise UnavailableError(
            f"Expected W&B to take what --log wandb gives it, but it said: {error}; see to WANDB_MODE and "
            "'wandb login', or leave --log wandb out."
        ) from error
    return WandbTracker(run)


class WandbTracker:
    """Fits :class:`~headstart.training.trackers.contract.Tracker`."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._trainings: set[str] = set()

    def __call__(self, entry: Mapping[str, Any]) -> None:
        """Logs the entry's numbers against the training's own step: W&B's count never starts again at 1."""
        step, scalars = scalars_of(entry)
        training = entry["training"]
        if training not in self._trainings:
            self._run.define_metric(f"{training}/*", step_metric=f"{training}/step")
            self._trainings.add(training)
        self._run.log({**scalars, f"{training}/step": step})

    def close(self) -> None:
        """Ends the W&B run; the process that writes it may need a moment longer, and the program waits at its end."""
        self._run.finish()
