"""What a strategy leaves to be saved: a backbone, a head, and the path by which its features were made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from headstart.backbones.converted import ConvertedBackbone
from headstart.core.tensors import read_tensors
from headstart.evaluation.candidates import Candidate
from headstart.features.admission import Choice
from headstart.features.store import Table
from headstart.transfer.heads import Head
from headstart.workflows.gather import Examples


@dataclass(frozen=True)
class Fitted:
    """A model that can be saved.

    Attributes:
        strategy: Name of the strategy that made it.
        backbone: The converted backbone.
        choice: The path from file to feature.
        test_features: Features of the test examples at the top, by that path.
        head: The classifier on them.
        candidate: What it says of validation and test items.
        facts: What the manifest says of the strategy.
        trained_backbone: Whether the backbone's weights are the strategy's own work.
    """

    strategy: str
    backbone: ConvertedBackbone
    choice: Choice
    test_features: Table
    head: Head
    candidate: Candidate
    facts: dict[str, Any]
    trained_backbone: bool = False

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The whole model: a run can be used where its backbone's source cannot be had."""
        backbone = read_tensors(self.backbone.weights)
        return {**{f"backbone.{name}": values for name, values in backbone.items()}, **self.head.tensors()}


def on_frozen_features(examples: Examples, head: Head, *, candidate: Candidate, facts: dict[str, Any]) -> Fitted:
    """A head on the backbone as it was given."""
    test = examples.top.select(examples.arranged.rows("test"))
    return Fitted("probe", examples.backbone, examples.choice, test, head, candidate, facts)
