"""A saved model measured on labelled data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from headstart.artifacts.saved_model import SavedModel
from headstart.core.errors import DataError
from headstart.core.progress import Progress
from headstart.data.columns import Columns
from headstart.data.items import Item, ItemTable, Ledger, class_indices, groups_of
from headstart.evaluation.scorecard import Scorecard, score
from headstart.evaluation.summed import SummedScore
from headstart.workflows.recognised import read_items


@dataclass(frozen=True)
class Evaluation:
    """What a model reached on some data.

    Attributes:
        origin: The data, as the user gave it.
        split: ``"test"`` where the data has such a split, else ``"all"``.
        items: How many items were judged.
        scorecard: Metrics with intervals, classes, confusion, reliability.
        ledger: What was left out and why.
        notices: What to know about how this machine answered.
    """

    origin: str
    split: str
    items: int
    scorecard: Scorecard | SummedScore
    ledger: Ledger
    notices: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "data": self.origin,
            "split": self.split,
            "items": self.items,
            **self.scorecard.to_json(),
            "excluded": [asdict(entry) for entry in self.ledger.excluded],
            "notes": self.ledger.notes,
            "notices": list(self.notices),
        }


def evaluate_model(
    model: SavedModel, data: str, *, columns: Columns | None = None, progress: Progress | None = None
) -> Evaluation:
    """Measures a saved model on labelled data: on its test split where it has one, else on all of it.

    Items that the run was trained on are left out and counted: on them any model looks good.

    Args:
        model: The saved model.
        data: A folder, a table or a name.
        columns: Columns of a table.
        progress: Who is told how far it is.

    Raises:
        DataError: Labels that the model does not know, or nothing to judge.
    """
    table = read_items(data, model.modality, columns)
    split, items = _judged_items(table)
    _refuse_unknown(items, model.classes, table.origin)
    answer = model.answer(items, progress=progress)
    trained_on = set(model.run.manifest["training_items"])
    rows: list[tuple[int, Item]] = []
    for row, (place, digest) in enumerate(zip(answer.extraction.readable, answer.extraction.digests, strict=True)):
        if digest in trained_on:
            table.ledger.leave_out(items[place], "seen in training", "the run was trained on it")
        else:
            rows.append((row, items[place]))
    for place, reason in answer.extraction.failures.items():
        table.ledger.leave_out(items[place], "unreadable", reason)
    if not rows:
        raise DataError(
            f"Expected items in {table.origin} to judge {model.run.path} on, but none is left: {table.ledger.counts()}."
        )
    judged = [item for _, item in rows]
    groups = groups_of(judged)
    card = score(
        class_indices(judged, model.classes),
        answer.probabilities[[row for row, _ in rows]],
        groups=None if groups is None else np.array(groups),
    )
    return Evaluation(table.origin, split, len(rows), card, table.ledger, model.notices)


def _judged_items(table: ItemTable) -> tuple[str, Sequence[Item]]:
    labelled = [item for item in table.items if item.label is not None]
    test = [item for item in labelled if item.split == "test"]
    if not labelled:
        raise DataError(
            f"Expected labelled items in {table.origin}, but none has a label; 'headstart predict' needs none."
        )
    return ("test", test) if test else ("all", labelled)


def _refuse_unknown(items: Sequence[Item], classes: Sequence[str], origin: str) -> None:
    unknown = sorted({str(item.label) for item in items} - set(classes))
    if unknown:
        raise DataError(
            f"Expected the labels in {origin} to be among the run's {len(classes)} classes ({', '.join(classes[:10])}"
            f"{', ...' if len(classes) > 10 else ''}), but got {', '.join(map(repr, unknown[:10]))}; rename "
            "the folders or the labels."
        )
