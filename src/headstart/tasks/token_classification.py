"""One class out of several for each token that is asked about."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from headstart.backbones.stages import StagedBackbone
from headstart.metrics.temperature import best_temperature, doubt_after
from headstart.tasks.classification import LinearHead
from headstart.tasks.token_problem import IGNORED


@dataclass(frozen=True, slots=True)
class TokenClassification:
    """One class out of C for each token: a linear head on the features of that token, trained by cross-entropy.

    Attributes:
        classes: Number of classes C.
    """

    classes: int
    metrics: ClassVar[tuple[str, ...]] = ("entity_f1", "entity_precision", "entity_recall", "token_accuracy")

    def build_head(self, backbone: StagedBackbone) -> LinearHead:
        """A linear layer from the features of a token, at the top of the backbone, to C logits."""
        return LinearHead(backbone.feature_dim(len(backbone.stages) - 1), self.classes)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        r"""Mean cross-entropy in nats over the tokens that are asked about.

        Args:
            outputs: Logits, shape ``(N, L, C)``.
            targets: Class numbers, shape ``(N, L)``, int64; :data:`~headstart.tasks.token_problem.IGNORED` elsewhere.

        Returns:
            A scalar; 0 where nothing is asked.
        """
        total = cross_entropy(outputs.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum")
        return total / (targets != IGNORED).sum().clamp(min=1)

    def held_out_loss(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> float:
        """Log loss per token in nats at the temperature that suits the validation tokens best.

        Args:
            outputs: Logits, batch by batch, shape ``(B, L, C)`` each; L may differ.
            targets: Class numbers, shape ``(B, L)`` each.

        Returns:
            NaN where a logit is not finite.
        """
        asked = [wanted != IGNORED for wanted in targets]
        logits = torch.cat([found[where] for found, where in zip(outputs, asked, strict=True)]).float().cpu().numpy()
        labels = torch.cat([wanted[where] for wanted, where in zip(targets, asked, strict=True)]).cpu().numpy()
        if not np.isfinite(logits).all():
            return math.nan
        return best_temperature(logits, labels, doubt=doubt_after(len(labels)))[1]

    def decode(self, outputs: Tensor) -> list[NDArray[np.float32]]:
        """The logits of each example, ``(L, C)`` each, for :meth:`headstart.tasks.tagging.Tagging.answer`."""
        return list(outputs.detach().float().cpu().numpy())
