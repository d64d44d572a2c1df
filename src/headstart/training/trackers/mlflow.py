"""Steps to MLflow: a server where the user has named one, else a database in a folder.

Look at the database with MLflow's own page: ``mlflow ui --backend-store-uri sqlite:///FOLDER/mlflow/mlflow.db``.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.core.errors import UnavailableError
from headstart.core.files import storage_errors
from headstart.training.trackers.contract import Tracker, scalars_of

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "headstart"
MOST_LETTERS = 6000  # of a parameter's value, in every store


def open_mlflow(folder: Path, *, run_name: str, config: Mapping[str, Any]) -> Tracker:
    """Begins an MLflow run at ``MLFLOW_TRACKING_URI``, or in ``folder/mlflow/mlflow.db``; a resumed fit is another run.

    MLflow's own reports about its use are switched off unless ``MLFLOW_DISABLE_TELEMETRY`` is set to something else.

    Args:
        folder: Where recordings of many runs may lie.
        run_name: Name of the MLflow run.
        config: Its parameters.

    Raises:
        UnavailableError: MLflow is not installed, or the server does not answer.
        StorageError: The disk is full, read-only or not ours.
    """
    # Both are read while MLflow is imported.
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    try:
        import alembic  # noqa: F401 -- mlflow-skinny needs both for a database, and does not bring them
        import sqlalchemy  # noqa: F401
        from mlflow import MlflowClient
    except ModuleNotFoundError as error:
        raise UnavailableError.missing_extra("--log mlflow", module=error.name or "mlflow", extra="mlflow") from error
    named = os.environ.get("MLFLOW_TRACKING_URI")
    place = (folder / "mlflow").resolve()
    if not named:
        with storage_errors(place):
            place.mkdir(parents=True, exist_ok=True)
    with _named_errors():
        client = MlflowClient(tracking_uri=named or f"sqlite:///{place / 'mlflow.db'}")
        experiment = _experiment(client, artifacts=None if named else (place / "artifacts").as_uri())
        run = client.create_run(experiment, run_name=run_name).info.run_id
        for key, value in config.items():
            text = value if isinstance(value, str) else json.dumps(value)
            client.log_param(run, _allowed(key), text[:MOST_LETTERS])
    return MlflowTracker(client, run)


class MlflowTracker:
    """Fits :class:`~headstart.training.trackers.contract.Tracker`."""

    def __init__(self, client: MlflowClient, run: str) -> None:
        self._client, self._run = client, run

    def __call__(self, entry: Mapping[str, Any]) -> None:
        """Logs the entry's numbers at its step, in one batch."""
        from mlflow.entities import Metric

        step, scalars = scalars_of(entry)
        now = int(time.time() * 1000)
        with _named_errors():
            metrics = [Metric(_allowed(name), value, now, step) for name, value in scalars.items()]
            self._client.log_batch(self._run, metrics=metrics)

    def close(self) -> None:
        """Marks the MLflow run as ended."""
        with _named_errors():
            self._client.set_terminated(self._run)


def _experiment(client: MlflowClient, *, artifacts: str | None) -> str:
    """The id of the experiment that the user has named, or of our own; made where it is not there."""
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name, artifact_location=artifacts))


def _allowed(name: str) -> str:
    """A name in the letters that MLflow takes."""
    return re.sub(r"[^\w\-. /]", "-", name, flags=re.ASCII)


@contextmanager
def _named_errors() -> Iterator[None]:
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        raise UnavailableError(
            f"Expected MLflow to take what --log mlflow gives it, but it said: {error}; see to MLFLOW_TRACKING_URI, "
            "or leave --log mlflow out."
        ) from error
