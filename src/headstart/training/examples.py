"""Where the loop's batches come from; the loop never looks inside one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Some examples.

    Attributes:
        inputs: What the backbone takes.
        targets: What the task's loss takes: a tensor, or a list where targets are ragged.
        size: Number of examples.
        start: Position of the stage that the inputs go into: 0 for the backbone's own input, ``k`` for activations
            that were computed before, up to a boundary at ``k``.
        context: What the stages need besides, a tensor ``(N, ...)`` or ``None``.
    """

    inputs: Any
    targets: Any
    size: int
    start: int = 0
    context: Tensor | None = None

    def split(self, parts: int) -> list[Batch]:
        """The same examples in order, in at most ``parts`` batches of equal size (give or take one).

        The inputs may be a tensor, a list, or a mapping of tensors such as tokens and their mask; the targets a tensor
        or a list.

        Example:
            >>> [part.inputs for part in Batch([1, 2, 3], [0, 0, 1], 3).split(2)]
            [[1, 2], [3]]
        """
        if parts <= 1:
            return [self]
        pieces = [
            (int(rows[0]), int(rows[-1]) + 1) for rows in np.array_split(np.arange(self.size), parts) if len(rows)
        ]
        return [
            Batch(
                _slice(self.inputs, *piece),
                _slice(self.targets, *piece),
                piece[1] - piece[0],
                self.start,
                _slice(self.context, *piece),
            )
            for piece in pieces
        ]


def _slice(values: Any, begin: int, end: int) -> Any:
    if values is None:
        return None
    if isinstance(values, Mapping):
        return {name: tensor[begin:end] for name, tensor in values.items()}
    return values[begin:end]


class Examples(Protocol):
    """A numbered collection of labelled examples."""

    def __len__(self) -> int: ...

    def batch(self, rows: NDArray[np.int64], generator: torch.Generator | None) -> Batch:
        """The examples with these numbers, augmented by ``generator``'s chance, or as they are where it is ``None``."""
