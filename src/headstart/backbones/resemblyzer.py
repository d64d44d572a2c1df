"""Resemblyzer's speaker encoder: whose voice it is, as a vector of unit length.

Three LSTM layers read a mel spectrum frame by frame; what the last one holds at the end goes through a linear layer
and a rectifier and is scaled to unit length (Wan et al. 2018, "Generalized End-to-End Loss for Speaker Verification",
arXiv:1710.10467). Resemblyzer is an implementation of it by Corentin Jemine; this one computes the same from the same
weights, with each layer a module of its own, so that the model can be cut behind any of them.

It was trained on windows of 1.6 seconds, and one is what it takes; of a longer sound it hears the beginning, where
Resemblyzer takes the mean over several windows. A shorter one has silence behind it, as with Resemblyzer.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

#: Bands of the mel spectrum.
MELS = 40

#: Frames, of 10 milliseconds each, of the windows that it was trained on.
FRAMES = 160

#: Units of every layer, and of the embedding.
UNITS = 256


class SpeakerEncoder(nn.Module):
    """Mel energies ``(N, frames, 40)``, not their logarithms, to embeddings ``(N, 256)`` of unit length."""

    #: What only the loss of its training used: the scale and the offset of similarities.
    auxiliary = ("similarity_weight", "similarity_bias")

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.Sequential(*(RecurrentLayer(inputs) for inputs in (MELS, UNITS, UNITS)))
        self.linear = UnitLength(UNITS, UNITS)

    def forward(self, spectra: Tensor) -> Tensor:
        """The embeddings of a batch of spectra."""
        embeddings: Tensor = self.linear(self.lstm(spectra))
        return embeddings


class RecurrentLayer(nn.LSTM):
    """One LSTM layer that passes on what it puts out at every frame.

    Args:
        inputs: Size of a frame.
    """

    def __init__(self, inputs: int) -> None:
        super().__init__(inputs, UNITS, batch_first=True)

    def forward(self, hidden: Tensor) -> Tensor:  # type: ignore[override]
        """``(N, L, inputs)`` to ``(N, L, 256)``."""
        outputs: Tensor = super().forward(hidden)[0]
        return outputs


class UnitLength(nn.Linear):
    """``y = r / |r|`` with ``r = max(0, W h + b)`` of the last frame ``h``; zero where ``r`` is."""

    def forward(self, hidden: Tensor) -> Tensor:
        """``(N, L, 256)`` to ``(N, 256)``."""
        return nn.functional.normalize(torch.relu(super().forward(hidden[:, -1])), dim=1)
