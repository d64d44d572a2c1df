"""One class out of several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from headstart.backbones.stages import StagedBackbone


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

    def decode(self, outputs: Tensor) -> NDArray[np.float64]:
        """Class probabilities: the softmax of the logits.

        Args:
            outputs: Logits, shape ``(N, C)``.

        Returns:
            Shape ``(N, C)``, float64; each row sums to 1.
        """
        probabilities: NDArray[np.float64] = outputs.detach().double().softmax(dim=1).cpu().numpy()
        return probabilities
