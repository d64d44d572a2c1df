"""What is asked of a backbone, by name; each task has a workflow of its own, and all end in the same kind of run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from headstart.core.progress import Progress
from headstart.core.registry import Registry

if TYPE_CHECKING:
    from headstart.core.run_folder import RunFolder
    from headstart.workflows.arrange import DataOptions
    from headstart.workflows.fit import FitOptions
    from headstart.workflows.gather import BackboneOptions

#: One class for each item.
CLASSIFICATION = "classification"


class Fit(Protocol):
    """From the user's data to a saved, judged model, such as :func:`headstart.workflows.fit.fit`."""

    def __call__(
        self,
        data: DataOptions,
        backbone: BackboneOptions,
        options: FitOptions,
        *,
        decorate: Callable[[Path], None],
        progress: Progress | None = None,
    ) -> RunFolder:
        """Fits a model, judges it against the best model without pretraining, and saves the run."""


TASKS: Registry[Fit] = Registry(
    "task",
    {
        CLASSIFICATION: "headstart.workflows.fit:fit",
        "tokens": "headstart.workflows.token_tasks.fit:fit_tokens",
        "qa": "headstart.workflows.token_tasks.fit:fit_questions",
        "multilabel": "headstart.workflows.pooled_tasks.fit:fit_multilabel",
        "regression": "headstart.workflows.pooled_tasks.fit:fit_regression",
        "lm": "headstart.workflows.language_model.fit:fit_language_model",
    },
    group="headstart.tasks",
)
