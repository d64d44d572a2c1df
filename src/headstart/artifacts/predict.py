"""Predictions for new items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headstart.artifacts.saved_model import SavedModel
from headstart.core.progress import Progress
from headstart.data.items import Exclusion, Item


@dataclass(frozen=True, slots=True)
class Prediction:
    """The answer for one item.

    Attributes:
        id: The item's path or name.
        label: The most probable class; ``None`` where the item could not be read.
        confidence: Its probability.
        probabilities: Of every class, the most probable first.
        error: Why there is no answer.
        notes: What deserves a word although there is an answer: a text that was cut off, a recording that is silent.
    """

    id: str
    label: str | None
    confidence: float | None
    probabilities: dict[str, float]
    error: str | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "id": self.id,
            "label": self.label,
            "confidence": self.confidence,
            "probabilities": self.probabilities,
            "error": self.error,
            "notes": list(self.notes),
        }


def predict(model: SavedModel, items: Sequence[Item], *, progress: Progress | None = None) -> list[Prediction]:
    """One prediction per item, in order; an unreadable item is named and the rest is done.

    Args:
        model: The saved model.
        items: What to classify.
        progress: Who is told how far it is.
    """
    answer = model.answer(items, progress=progress)
    rows = zip(answer.extraction.readable, answer.probabilities, answer.extraction.inspections, strict=True)
    found = {
        int(place): replace(_prediction(items[place].id, model.classes, row), notes=inspection.notes)
        for place, row, inspection in rows
    }
    return [
        found.get(place) or Prediction(item.id, None, None, {}, answer.extraction.failures[place])
        for place, item in enumerate(items)
    ]


def left_out(entry: Exclusion) -> Prediction:
    """The answer to an input that is no item: a missing file, another kind of file."""
    return Prediction(entry.id, None, None, {}, f"{entry.reason}: {entry.detail}")


def _prediction(name: str, classes: Sequence[str], probabilities: np.ndarray[Any, np.dtype[np.float64]]) -> Prediction:
    order = np.argsort(-probabilities, kind="stable")
    ranked = {classes[place]: float(probabilities[place]) for place in order}
    return Prediction(name, classes[order[0]], float(probabilities[order[0]]), ranked)
