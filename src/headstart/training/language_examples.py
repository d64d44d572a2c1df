"""Blocks of tokens as training examples of a language model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headstart.backbones.preprocess import PADDING, as_batch
from headstart.tasks.language_head import IGNORED
from headstart.tasks.language_model import Objective
from headstart.training.chance import seed_of
from headstart.training.examples import Batch


class LanguageExamples:
    """Blocks of tokens, asked about as an objective says.

    Where batches come without chance, as in validation, the same places of a block are asked for each time.

    Args:
        blocks: Token numbers of each example, special tokens among them, ``(L,)``, int32.
        objective: What is asked.
        entrance: The backbone's; see :mod:`headstart.backbones.preprocess`.
        judged_from: Place of the first token of each block that is asked for where batches come without chance; those
            before it are context. ``None`` for 0.
        seed: Of what is asked in validation.
        device: Where the batches go.
    """

    def __init__(
        self,
        blocks: Sequence[NDArray[np.int32]],
        objective: Objective,
        entrance: nn.Module,
        *,
        judged_from: Sequence[int] | None = None,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self._blocks, self._objective, self._entrance = blocks, objective, entrance.to(device)
        self._judged_from, self._seed, self._device = judged_from, seed, device

    def __len__(self) -> int:
        return len(self._blocks)

    def batch(self, rows: NDArray[np.int64], generator: torch.Generator | None) -> Batch:
        """What is shown, and what has to be said, ``(B, L)``, padded at the end."""
        shown, asked = self._by_chance(rows, generator) if generator is not None else self._always_the_same(rows)
        hidden, context = self._entrance(shown.to(torch.int32).to(self._device))
        return Batch(hidden, asked.to(self._device), len(rows), context=context)

    def _by_chance(self, rows: NDArray[np.int64], generator: torch.Generator) -> tuple[Tensor, Tensor]:
        tokens = torch.from_numpy(as_batch([self._blocks[row] for row in rows])).long()
        return self._objective.ask(tokens, generator)

    def _always_the_same(self, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Each block with a chance of its own, so that it does not matter which others are in the batch."""
        shown, asked = [], []
        for row in rows:
            tokens = torch.from_numpy(self._blocks[row]).long()[None]
            question, answer = self._objective.ask(tokens, torch.Generator().manual_seed(seed_of(self._seed, int(row))))
            if self._judged_from is not None:
                answer[:, : max(0, self._judged_from[row] - self._objective.ahead)] = IGNORED
            shown.append(question[0].numpy())
            asked.append(answer[0].numpy())
        together = torch.from_numpy(as_batch(shown))
        return together, torch.from_numpy(as_batch(asked)).masked_fill(together == PADDING, IGNORED)
