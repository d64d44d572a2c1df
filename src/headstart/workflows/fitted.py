"""What a strategy leaves to be saved: a backbone, a head, and the path by which its features were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from headstart.backbones.card import BackboneCard
from headstart.backbones.catalog import convert_trained
from headstart.backbones.converted import ConvertedBackbone
from headstart.backbones.identity import weights_sha256
from headstart.core.errors import DataError
from headstart.core.progress import Progress, Stopwatch
from headstart.core.run_folder import open_run
from headstart.core.tensors import read_tensors
from headstart.data.items import Item
from headstart.evaluation.candidates import Candidate
from headstart.features.admission import Choice
from headstart.features.store import Table
from headstart.features.trial import TrialRow
from headstart.transfer.heads import Head, LinearHead, read_head
from headstart.workflows.gather import Examples, compute_features


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


def convert_tuned(
    card: BackboneCard, weights: Mapping[str, NDArray[Any]], *, training: str, data: str
) -> ConvertedBackbone:
    """A tuned backbone, converted like any other.

    Args:
        card: Of the backbone as it was given.
        weights: After the training, under the source model's names.
        training: What the training is called.
        data: What the data are called.
    """
    tuned = replace(
        card,
        source=f"{training}, tuned by headstart on {data}, from: {card.source}",
        sha256=weights_sha256(card.library, card.architecture, weights),
    )
    return convert_trained(tuned, weights)


def saved_linear_head(folder: Path) -> LinearHead:
    """The linear head of a run, as it was saved."""
    run = open_run(folder)
    head = read_head(run.tensors(), run.manifest["strategy"])
    if not isinstance(head, LinearHead):
        raise TypeError(f"Expected a linear head in {folder}, but got {type(head).__name__}.")
    return head


def features_by_trained(
    backbone: ConvertedBackbone,
    items: Sequence[Item],
    examples: Examples,
    *,
    device: str,
    progress: Progress,
    trial: Sequence[TrialRow] | None = None,
) -> tuple[Choice, Table]:
    """Features at the top of a backbone that was just trained, for items of the data it was trained on.

    Args:
        backbone: Converted.
        items: The items.
        examples: All examples.
        device: Where the features are computed.
        progress: Who is told how far it is.
        trial: How fast each engine is, where that is known already.

    Raises:
        DataError: Items are gone that were there before.
    """
    top = backbone.card.top.name
    choice, extraction = compute_features(
        items, backbone, examples.modality, [top], device=device, progress=progress, watch=Stopwatch(), trial=trial
    )
    if extraction.failures:
        lost = [f"{items[place].id}: {reason}" for place, reason in extraction.failures.items()]
        raise DataError.from_problems("Expected the data to stay as they are during a fit, but items are gone:", lost)
    return choice, extraction.features[top]


def on_frozen_features(examples: Examples, head: Head, *, candidate: Candidate, facts: dict[str, Any]) -> Fitted:
    """A head on the backbone as it was given."""
    test = examples.top.select(examples.arranged.rows("test"))
    return Fitted("probe", examples.backbone, examples.choice, test, head, candidate, facts)
