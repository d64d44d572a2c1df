"""Examples whose targets are one number per token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from headstart.training.examples import Batch, Examples


class TokenTargets:
    """Examples with targets per token, filled up to the length of each batch.

    Args:
        examples: What enters the network; its own targets are of no use.
        targets: For each example one number per token, int64 ``(L,)``.
        nothing: The target where there is padding.
    """

    def __init__(self, examples: Examples, targets: Sequence[NDArray[np.int64]], *, nothing: int) -> None:
        self._examples, self._targets, self._nothing = examples, targets, nothing

    def __len__(self) -> int:
        return len(self._targets)

    def batch(self, rows: NDArray[np.int64], generator: torch.Generator | None) -> Batch:
        """The examples with these numbers; targets ``(B, L)``, int64, as long as their inputs."""
        batch = self._examples.batch(rows, generator)
        targets = torch.full((batch.size, batch.inputs.shape[1]), self._nothing, dtype=torch.int64)
        for row, target in zip(rows, targets, strict=True):
            wanted = torch.from_numpy(self._targets[row])
            target[: len(wanted)] = wanted
        return replace(batch, targets=targets.to(batch.inputs.device))
