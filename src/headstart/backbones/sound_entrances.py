"""What stands before the first stage of a backbone that hears."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SoundEntrance(nn.Module):
    """``x = (inputs - mean) / std``; sounds have no context.

    Args:
        mean: Of the values.
        std: Of the values.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: float = 0.0, std: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32))

    def forward(self, inputs: Tensor) -> tuple[Tensor, None]:
        """From waveforms ``(N, samples)`` or mel spectra ``(N, frames, mels)`` to the same shape, float32."""
        return (inputs.to(torch.float32) - self.mean) / self.std, None
