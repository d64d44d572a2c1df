"""Which changes of an input keep its label: asked of the probe, not assumed.

A mirrored dog is a dog, a mirrored 2 is nothing. Where the probe recognises changed validation items as well as
unchanged ones, training may see such changes; where it does not, the change says something about the class.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from headstart.features.rows import ArrayRows
from headstart.transfer.heads import Head
from headstart.workflows.gather import Examples
from headstart.workflows.validation_sample import inputs_of, pooled_outputs, sampled_rows

#: Validation items that are looked at.
MOST_ITEMS = 256
#: The largest loss of accuracy at which a change still counts as harmless; one item is always forgiven.
MOST_LOST = 0.02


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
    rows = sampled_rows(examples, MOST_ITEMS)
    inputs = inputs_of(examples, rows)
    top = examples.backbone.card.top.name
    labels = examples.arranged.labels[rows]
    unchanged = float((head.probabilities(examples.top.select(rows)).argmax(axis=1) == labels).mean())
    checks = []
    for name, change in examples.modality.invariances.items():
        changed = [change(values) for values in inputs]
        features = pooled_outputs(examples.choice.spec, examples.backbone, [top], changed)
        accuracy = float((head.probabilities(ArrayRows(features[top])).argmax(axis=1) == labels).mean())
        forgiven = max(MOST_LOST, 1 / len(rows))
        checks.append(InvarianceCheck(name, accuracy, unchanged, accuracy >= unchanged - forgiven - 1e-9))
    return checks
