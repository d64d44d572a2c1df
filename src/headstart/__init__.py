"""Transfer learning that proves itself: ``run = headstart.fit("photos/")``, then ``run.predict(["new.jpg"])``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headstart.api import Run, check, extract, fit, load, models, rank, show_model
    from headstart.artifacts.evaluate import Evaluation
    from headstart.artifacts.predict import Prediction
    from headstart.core.errors import (
        DataError,
        EngineError,
        HeadstartError,
        RunFolderError,
        StorageError,
        UnavailableError,
        UsageError,
        WeightsError,
    )
    from headstart.data.columns import Columns

__version__ = "0.1.0"

_ERRORS = "headstart.core.errors"
_PLACES = {
    "Columns": "headstart.data.columns",
    "DataError": _ERRORS,
    "EngineError": _ERRORS,
    "Evaluation": "headstart.artifacts.evaluate",
    "HeadstartError": _ERRORS,
    "Prediction": "headstart.artifacts.predict",
    "Run": "headstart.api",
    "RunFolderError": _ERRORS,
    "StorageError": _ERRORS,
    "UnavailableError": _ERRORS,
    "UsageError": _ERRORS,
    "WeightsError": _ERRORS,
    "check": "headstart.api",
    "extract": "headstart.api",
    "fit": "headstart.api",
    "load": "headstart.api",
    "models": "headstart.api",
    "rank": "headstart.api",
    "show_model": "headstart.api",
}

__all__ = [
    "Columns",
    "DataError",
    "EngineError",
    "Evaluation",
    "HeadstartError",
    "Prediction",
    "Run",
    "RunFolderError",
    "StorageError",
    "UnavailableError",
    "UsageError",
    "WeightsError",
    "__version__",
    "check",
    "extract",
    "fit",
    "load",
    "models",
    "rank",
    "show_model",
]


def __getattr__(name: str) -> Any:
    """Loads a public name when it is first asked for."""
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'headstart' has no attribute {name!r}")


def __dir__() -> list[str]:
    """The public names."""
    return __all__
