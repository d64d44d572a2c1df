"""What stands before the first stage in every engine's graph: from a batch as prepared to what the stages take."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class PictureEntrance(nn.Module):
    """``x = (pictures / 255 - mean) / std``, channels first.

    Args:
        mean: Per channel, of values in [0, 1].
        std: Per channel, of values in [0, 1].
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1))

    def forward(self, pictures: Tensor) -> tuple[Tensor, None]:
        """From uint8 ``(N, S, S, 3)`` to float32 ``(N, 3, S, S)``, in channels-last memory; there is no context."""
        values = pictures.permute(0, 3, 1, 2).to(torch.float32) / 255.0
        return (values - self.mean) / self.std, None
