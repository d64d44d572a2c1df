"""One class out of several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from headstart.backbones.stages import StagedBackbone
from headstart.metrics.temperature import best_temperature, doubt_after


class LinearHead(nn.Linear):
    """Logits as a linear function of pooled features; targets are of no use to it."""

    def forward(self, features: Tensor, targets: Tensor | None = None) -> Tensor:
        """From ``(N, D)`` to ``(N, C)``."""
        return super().forward(features)


@dataclass(frozen=True, slots=True)
class Classification:
    """One class out of ``C``: a linear head on pooled features, trained by cross-entropy.

    Attributes:
        classes: Number of classes ``C``.
    """

    classes: int
    metrics: ClassVar[tuple[str, ...]] = (
        "accuracy",
        "balanced_accuracy",
        "macro_f1",
        "log_loss",
        "calibration_error",
    )

    def build_head(self, backbone: StagedBackbone) -> LinearHead:
        """A linear layer from the backbone's pooled output to ``C`` logits."""
        return LinearHead(backbone.feature_dim(len(backbone.stages) - 1), self.classes)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        r"""Mean cross-entropy :math:`-\frac{1}{N} \sum_n \log \mathrm{softmax}(z_n)_{y_n}` in nats.

        Args:
            outputs: Logits :math:`z`, shape ``(N, C)``.
            targets: Class numbers :math:`y`, shape ``(N,)``, int64.

        Returns:
            A scalar; :math:`\ln C` for a uniform guess.
        """
        return cross_entropy(outputs.float(), targets)

    def held_out_loss(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> float:
        """Log loss in nats at the temperature that suits the validation examples best.

        A network that trains on grows over-confident while its answers still get better: on 2,550 CIFAR photos the log
        loss as it is was lowest after the first of 12 epochs, and accuracy rose by five points until the last.

        Args:
            outputs: Logits, batch by batch, shape ``(B, C)`` each.
            targets: Class numbers, shape ``(B,)`` each.

        Returns:
            At most about the loss of a uniform guess; NaN where a logit is not finite.
        """
        logits = torch.cat(list(outputs)).float().cpu().numpy()
        if not np.isfinite(logits).all():
            return math.nan
        labels = torch.cat(list(targets)).cpu().numpy()
        return best_temperature(logits, labels, doubt=doubt_after(len(labels)))[1]

    def decode(self, outputs: Tensor) -> NDArray[np.float64]:
        """Class probabilities: the softmax of the logits.

        Args:
            outputs: Logits, shape ``(N, C)``.

        Returns:
            Shape ``(N, C)``, float64; each row sums to 1.
        """
        probabilities: NDArray[np.float64] = outputs.detach().double().softmax(dim=1).cpu().numpy()
        return probabilities
