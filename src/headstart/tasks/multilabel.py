"""Any number of labels for each item."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from headstart.backbones.stages import StagedBackbone
from headstart.metrics.multilabel import suited_temperature
from headstart.metrics.temperature import doubt_after
from headstart.tasks.classification import LinearHead


@dataclass(frozen=True, slots=True)
class MultilabelClassification:
    """Each of C labels is there or not: a linear head on pooled features, trained by binary cross-entropy.

    Attributes:
        labels: Number of labels C.
    """

    labels: int
    metrics: ClassVar[tuple[str, ...]] = (
        "micro_f1",
        "subset_accuracy",
        "macro_f1",
        "hamming_accuracy",
        "mean_average_precision",
    )

    def build_head(self, backbone: StagedBackbone) -> LinearHead:
        """A linear layer from the backbone's pooled output to C logits."""
        return LinearHead(backbone.feature_dim(len(backbone.stages) - 1), self.labels)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        r"""Mean binary cross-entropy over items and labels, in nats.

        .. math:: -\frac{1}{N C} \sum_{n, c} y_{nc} \log \sigma(z_{nc}) + (1 - y_{nc}) \log \sigma(-z_{nc})

        Args:
            outputs: Logits :math:`z`, shape ``(N, C)``.
            targets: 1 where an item has a label, else 0, shape ``(N, C)``.

        Returns:
            A scalar; :math:`\ln 2` where every probability is one half.
        """
        return binary_cross_entropy_with_logits(outputs.float(), targets.float())

    def held_out_loss(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> float:
        """Log loss per item and label at the temperature that suits the validation examples best.

        Args:
            outputs: Logits, batch by batch, shape ``(B, C)`` each.
            targets: Shape ``(B, C)`` each.

        Returns:
            NaN where a logit is not finite.
        """
        logits = torch.cat(list(outputs)).float().cpu().numpy()
        if not np.isfinite(logits).all():
            return math.nan
        there = torch.cat(list(targets)).cpu().numpy()
        return suited_temperature(logits, there, doubt=doubt_after(len(there)))[1]

    def decode(self, outputs: Tensor) -> NDArray[np.float64]:
        """The logits as they are, ``(N, C)``."""
        logits: NDArray[np.float64] = outputs.detach().double().cpu().numpy()
        return logits
