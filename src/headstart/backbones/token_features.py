"""A backbone for texts without its pooling: features for each token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headstart.backbones.card import BackboneCard, Stage
from headstart.core.errors import UsageError

if TYPE_CHECKING:
    from headstart.backbones.stages import StagedBackbone


def token_stage(card: BackboneCard) -> Stage:
    """The stage whose output is the features of the tokens: the last one before they are pooled.

    Raises:
        UsageError: The backbone has no such stage.
    """
    *below, last = card.stages
    if card.preprocess.kind != "text" or not below or last.layout != "NC" or below[-1].layout != "NLC":
        raise UsageError(
            f"Expected a backbone for texts whose last stage pools the features of tokens, but {card.name} is none; "
            "choose another, such as bundled:minilm-l6."
        )
    return below[-1]


def without_pooling(backbone: StagedBackbone) -> StagedBackbone:
    """The same source model without its last stage: tokens to their features, ``(N, L, D)``."""
    from headstart.backbones.stages import StagedBackbone

    return StagedBackbone(backbone.model, backbone.parts[:-1], backbone.stages[:-1])
