"""What tuning changed in which stage: weights and features of the saved backbone beside those it began with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.converted import ConvertedBackbone
from headstart.core.tensors import read_tensors
from headstart.evaluation.stage_changes import StageChange, stage_changes
from headstart.features.engines.contract import EngineSpec
from headstart.features.trial import start_engine
from headstart.workflows.gather import Examples

#: Validation items whose features are compared.
MOST_ITEMS = 128
_BATCH = 32


def compare_stages(examples: Examples, saved: ConvertedBackbone, *, boundary: str) -> list[StageChange]:
    """The change of every stage, input to output.

    Args:
        examples: The examples, with the backbone that training began with.
        saved: The backbone that was trained.
        boundary: The lowest stage that was trained; ``"bottom"`` for all.
    """
    rows = examples.arranged.rows("validation")
    rows = rows[:: -(-len(rows) // MOST_ITEMS)]
    preprocess = examples.backbone.card.preprocess
    inputs = np.stack(
        [examples.modality.prepare(examples.arranged.items[row].source.read(), preprocess).inputs for row in rows]
    )
    names = [stage.name for stage in saved.card.stages]
    owner = _owners(saved)
    lowest = 0 if boundary == "bottom" else names.index(boundary)
    return stage_changes(
        names,
        trained=names[lowest:],
        weights_before=_by_stage(examples.backbone, owner),
        weights_after=_by_stage(saved, owner),
        features_before=_features(examples.backbone, inputs),
        features_after=_features(saved, inputs),
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


def _features(backbone: ConvertedBackbone, inputs: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
    names = [stage.name for stage in backbone.card.stages]
    engine = start_engine(EngineSpec("openvino", "f32"), backbone, names)
    batches = [engine.compute(inputs[start : start + _BATCH]) for start in range(0, len(inputs), _BATCH)]
    return {name: np.concatenate([batch[name] for batch in batches]) for name in names}
