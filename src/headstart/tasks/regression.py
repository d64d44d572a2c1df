"""A number for each item."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import mse_loss

from headstart.backbones.stages import StagedBackbone
from headstart.tasks.classification import LinearHead


@dataclass(frozen=True, slots=True)
class NumberRegression:
    """K numbers for each item: a linear head on pooled features, trained by the squared error.

    Targets are to be standardised, so that an error of 1 is what always saying the mean makes.

    Attributes:
        outputs: K.
    """

    outputs: int = 1
    metrics: ClassVar[tuple[str, ...]] = ("r2", "mean_absolute_error", "root_mean_squared_error")

    def build_head(self, backbone: StagedBackbone) -> LinearHead:
        """A linear layer from the backbone's pooled output to K numbers."""
        return LinearHead(backbone.feature_dim(len(backbone.stages) - 1), self.outputs)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        r"""Mean squared error :math:`\frac{1}{N K} \sum_n \lVert z_n - y_n \rVert^2`.

        Args:
            outputs: Shape ``(N, K)``.
            targets: Shape ``(N, K)``.

        Returns:
            A scalar.
        """
        return mse_loss(outputs.float(), targets)

    def held_out_loss(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> float:
        """Mean squared error over all validation examples; NaN where an output is not finite."""
        loss = float(self.loss(torch.cat(list(outputs)), torch.cat(list(targets))))
        return loss if math.isfinite(loss) else math.nan

    def decode(self, outputs: Tensor) -> NDArray[np.float64]:
        """The numbers as they are, ``(N, K)``, in units of the standardised targets."""
        numbers: NDArray[np.float64] = outputs.detach().double().cpu().numpy()
        return numbers
