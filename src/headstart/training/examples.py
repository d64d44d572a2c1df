"""Where the loop's batches come from; the loop never looks inside one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headstart.training.augment import Augmentation

#: Positions ``(B,)`` in a table of pictures to the pictures themselves: uint8, ``(B, H, W, 3)``.
Pictures = Callable[[NDArray[np.int64]], NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some examples.

    Attributes:
        inputs: What the backbone takes.
        targets: What the task's loss takes: a tensor, or a list where targets are ragged.
        size: Number of examples.
        start: Position of the stage that the inputs go into: 0 for the backbone's own input, ``k`` for activations
            that were computed before, up to a boundary at ``k``.
    """

    inputs: Any
    targets: Any
    size: int
    start: int = 0

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
            Batch(_slice(self.inputs, *piece), _slice(self.targets, *piece), piece[1] - piece[0], self.start)
            for piece in pieces
        ]


def _slice(values: Any, begin: int, end: int) -> Any:
    if isinstance(values, Mapping):
        return {name: tensor[begin:end] for name, tensor in values.items()}
    return values[begin:end]


class Examples(Protocol):
    """A numbered collection of labelled examples."""

    def __len__(self) -> int: ...

    def batch(self, rows: NDArray[np.int64], generator: torch.Generator | None) -> Batch:
        """The examples with these numbers, augmented by ``generator``'s chance, or as they are where it is ``None``."""


class PictureExamples:
    """Labelled pictures, normalised per channel: :math:`(x / 255 - mean) / std`.

    Args:
        pictures: See :data:`Pictures`; called once per batch.
        positions: Where the examples stand in that table, shape ``(N,)``.
        labels: Class numbers of those examples, shape ``(N,)``.
        mean: Per channel, of values in [0, 1], shape ``(3,)``.
        std: Per channel, shape ``(3,)``.
        augmentation: Applied where chance is given.
        device: Where the batches go.
    """

    def __init__(
        self,
        pictures: Pictures,
        positions: NDArray[np.int64],
        *,
        labels: NDArray[np.int64],
        mean: NDArray[np.float64],
        std: NDArray[np.float64],
        augmentation: Augmentation,
        device: str = "cpu",
    ) -> None:
        self._pictures, self._positions, self._labels = pictures, positions, labels
        self._scale = torch.tensor(1 / (255 * std), dtype=torch.float32, device=device)
        self._offset = torch.tensor(-mean / std, dtype=torch.float32, device=device)
        self._augmentation, self._device = augmentation, device

    def __len__(self) -> int:
        return len(self._positions)

    def batch(self, rows: NDArray[np.int64], generator: torch.Generator | None) -> Batch:
        """Inputs ``(B, 3, H, W)``, float32, in channels-last memory; targets ``(B,)``, int64."""
        pictures = torch.from_numpy(self._pictures(self._positions[rows])).to(self._device)
        if generator is not None:
            pictures = self._augmentation(pictures, generator)
        inputs: Tensor = (pictures * self._scale + self._offset).permute(0, 3, 1, 2)
        return Batch(inputs, torch.from_numpy(self._labels[rows]).to(self._device), len(rows))


def channel_statistics(
    pictures: Pictures, positions: NDArray[np.int64], *, most: int = 2048
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation per channel, of values in [0, 1].

    Args:
        pictures: See :data:`Pictures`.
        positions: The training pictures, shape ``(N,)``.
        most: At most so many pictures are read, evenly spaced.

    Returns:
        Two arrays of shape ``(3,)``; the deviation is at least 1/255, so that a constant channel can be divided by it.
    """
    step = -(-len(positions) // most)
    sums = np.zeros((2, 3))
    count = 0
    for chunk in np.array_split(positions[::step], max(1, len(positions) // step // 256)):
        values = pictures(chunk).reshape(-1, 3) / 255
        sums += values.sum(axis=0), (values**2).sum(axis=0)
        count += len(values)
    mean, square = sums / count
    return mean, np.maximum(np.sqrt(np.maximum(square - mean**2, 0)), 1 / 255)
