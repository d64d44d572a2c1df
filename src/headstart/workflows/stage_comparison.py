"""What tuning changed in which stage: weights and features of the saved backbone beside those it began with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from headstart.backbones.converted import ConvertedBackbone
from headstart.core.tensors import read_tensors
from headstart.evaluation.stage_changes import StageChange, stage_changes
from headstart.features.engines.contract import EngineSpec
from headstart.workflows.gather import Examples
from headstart.workflows.validation_sample import inputs_of, pooled_outputs, sampled_rows

#: Validation items whose features are compared.
MOST_ITEMS = 128
_EXACT = EngineSpec("openvino", "f32")


def compare_stages(examples: Examples, saved: ConvertedBackbone, *, boundary: str) -> list[StageChange]:
    """The change of every stage, input to output.

    Args:
        examples: The examples, with the backbone that training began with.
        saved: The backbone that was trained.
        boundary: The lowest stage that was trained; ``"bottom"`` for all.
    """
    inputs = inputs_of(examples, sampled_rows(examples, MOST_ITEMS))
    names = [stage.name for stage in saved.card.stages]
    owner = _owners(saved)
    lowest = 0 if boundary == "bottom" else names.index(boundary)
    return stage_changes(
        names,
        trained=names[lowest:],
        weights_before=_by_stage(examples.backbone, owner),
        weights_after=_by_stage(saved, owner),
        features_before=pooled_outputs(_EXACT, examples.backbone, names, inputs),
        features_after=pooled_outputs(_EXACT, saved, names, inputs),
    )


def _owners(backbone: ConvertedBackbone) -> dict[str, str]:
    """Which stage each tensor belongs to."""
    staged = backbone.load()
    return {name: stage.name for stage in staged.stages for name in staged.stage_state(stage.name)}


def _by_stage(backbone: ConvertedBackbone, owner: Mapping[str, str]) -> dict[str, dict[str, NDArray[Any]]]:
    found: dict[str, dict[str, NDArray[Any]]] = {stage.name: {} for stage in backbone.card.stages}
    for name, values in read_tensors(backbone.weights).items():
        if name in owner:
            found[owner[name]][name] = values
    return found
