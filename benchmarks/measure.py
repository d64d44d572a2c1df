"""One benchmark by name; a module of its own, so that a fresh process can import it."""

from __future__ import annotations

import importlib

from benchmarks.results import Result
from benchmarks.settings import Settings


def measure(name: str, settings: Settings) -> Result:
    """Runs one benchmark."""
    result: Result = importlib.import_module(f"benchmarks.{name}").measure(settings)
    return result
