"""Which changes of an input keep its label: asked of the probe, not assumed.

A mirrored dog is a dog, a mirrored 2 is nothing. Where the probe recognises changed validation items as well as
unchanged ones, training may see such changes; where it does not, the change says something about the class.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.features.rows import ArrayRows
from headstart.features.trial import start_engine
from headstart.transfer.heads import Head
from headstart.workflows.gather import Examples
from headstart.workflows.views import plain_input

#: Validation items that are looked at.
MOST_ITEMS = 256
#: The largest loss of accuracy at which a change still counts as harmless; one item is always forgiven.
MOST_LOST = 0.02
_BATCH = 32


@dataclass(frozen=True, slots=True)
class InvarianceCheck:
    """What came of one kind of change.

    Attributes:
        name: Of the change: ``"mirrored"``.
        accuracy: The probe's on changed validation items.
        unchanged_accuracy: The probe's on the same items as they are.
        admitted: Whether training may see such changes.
    """

    name: str
    accuracy: float
    unchanged_accuracy: float
    admitted: bool

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def check_invariances(examples: Examples, head: Head) -> list[InvarianceCheck]:
    """Tries every change that the modality knows on validation items.

    Args:
        examples: The examples.
        head: The probe's.
    """
    rows = examples.arranged.rows("validation")
    rows = rows[:: -(-len(rows) // MOST_ITEMS)]
    labels = examples.arranged.labels[rows]
    unchanged = float((head.probabilities(examples.top.select(rows)).argmax(axis=1) == labels).mean())
    checks = []
    for name, change in examples.modality.invariances.items():
        features = _features(examples, [change(_prepared(examples, int(row))) for row in rows])
        accuracy = float((head.probabilities(ArrayRows(features)).argmax(axis=1) == labels).mean())
        forgiven = max(MOST_LOST, 1 / len(rows))
        checks.append(InvarianceCheck(name, accuracy, unchanged, accuracy >= unchanged - forgiven - 1e-9))
    return checks


def _prepared(examples: Examples, row: int) -> NDArray[Any]:
    return plain_input(examples, examples.arranged.items[row].source.read())


def _features(examples: Examples, inputs: list[NDArray[Any]]) -> NDArray[np.float32]:
    top = examples.backbone.card.top.name
    engine = start_engine(examples.choice.spec, examples.backbone, [top])
    batches = [np.stack(inputs[start : start + _BATCH]) for start in range(0, len(inputs), _BATCH)]
    return np.concatenate([engine.compute(batch)[top] for batch in batches])
