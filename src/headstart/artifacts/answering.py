"""Saved runs by what was asked of them: who answers, and who writes the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from headstart.artifacts.evaluate import Evaluation
from headstart.artifacts.predict import Prediction
from headstart.core.progress import Progress
from headstart.core.registry import Registry
from headstart.core.run_folder import RunFolder, open_run
from headstart.data.columns import Columns


class Answering(Protocol):
    """The model of a run, ready to answer."""

    classes: tuple[str, ...]

    @property
    def notices(self) -> tuple[str, ...]:
        """What somebody should know about how this machine answers."""

    def predict(
        self, inputs: Sequence[Any], *, columns: Columns | None = None, progress: Progress | None = None
    ) -> Sequence[Prediction]:
        """An answer for each input."""

    def evaluate(self, data: str, *, columns: Columns | None = None, progress: Progress | None = None) -> Evaluation:
        """What it reaches on labelled data."""


#: A run's task, as its manifest names it, to what opens its model: called with the run, and ``progress``.
MODELS: Registry[Callable[..., Answering]] = Registry(
    "task of a run",
    {
        "classification": "headstart.artifacts.classifier:SavedClassifier",
        "multi-label classification": "headstart.artifacts.pooled_model:SavedPooledModel",
        "regression": "headstart.artifacts.pooled_model:SavedPooledModel",
        "token classification": "headstart.artifacts.token_model:SavedTokenModel",
        "question answering": "headstart.artifacts.token_model:SavedTokenModel",
        "language modelling": "headstart.artifacts.language_model:SavedLanguageModel",
    },
    group="headstart.saved_models",
)

#: A run's task to what writes its report and model card, where these are not the usual ones.
PAGES: Registry[Callable[[Path], None]] = Registry(
    "task with a page of its own",
    {"language modelling": "headstart.artifacts.language_page:write_language_report"},
    group="headstart.pages",
)


def open_model(run: RunFolder, *, progress: Progress | None = None) -> Answering:
    """The model of an opened run; nothing in the run is executed.

    Raises:
        UnknownNameError: No task of ours is called what the run says.
    """
    return MODELS[run.manifest["task"]](run, progress=progress)


def write_pages(run: Path, usual: Callable[[Path], None]) -> None:
    """Writes ``report.html`` and ``README.md`` of a run from what it holds.

    Args:
        run: The run's folder.
        usual: Writes those of most tasks.
    """
    task = open_run(run).manifest["task"]
    (PAGES[task] if task in PAGES else usual)(run)  # noqa: SIM401 -- a registry has no get
