"""Contrastive tuning: features of one class are drawn together, features of different classes apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from headstart.backbones.stages import StagedBackbone

#: Rows of the table of all pairs that are held at a time.
_ROWS = 1024


class PooledFeatures(nn.Module):
    """No head at all: the pooled features as they are."""

    def forward(self, features: Tensor, targets: Tensor | None = None) -> Tensor:
        """The features ``(N, D)``."""
        return features


@dataclass(frozen=True, slots=True)
class Contrastive:
    """Cosine similarity 1 for two items of one class and 0 for two of different classes.

    SetFit (Tunstall et al. 2022, "Efficient Few-Shot Learning Without Prompts") draws pairs, as many of one class as of
    different ones. Here every pair within a batch counts, and both kinds weigh the same: sixteen items are 120 pairs
    for sixteen forward passes, where drawn pairs take 240.

    Attributes:
        held_out: Of the examples that a training is judged by, how many at the end it does not learn from. Those before
            are only there to be paired with; ``None`` where all are held out.
    """

    held_out: int | None = None
    metrics: ClassVar[tuple[str, ...]] = ("pair_loss",)

    def build_head(self, backbone: StagedBackbone) -> PooledFeatures:
        """Nothing: the loss is on the features."""
        return PooledFeatures()

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        r"""Mean squared error of the cosine similarities, half for either kind of pair.

        .. math:: \frac{1}{2} \left( \operatorname*{mean}_{y_i = y_j} (1 - \cos(f_i, f_j))^2 +
            \operatorname*{mean}_{y_i \neq y_j} \cos(f_i, f_j)^2 \right) \quad (i < j)

        Args:
            outputs: Features :math:`f`, ``(N, D)``.
            targets: Class numbers :math:`y`, ``(N,)``.

        Returns:
            A scalar; a kind of which there is no pair counts as 0.
        """
        every = torch.arange(len(targets), device=targets.device)
        return _halves(_sums(outputs.float(), targets, every))

    def held_out_loss(self, outputs: Sequence[Tensor], targets: Sequence[Tensor]) -> float:
        """The same over all pairs of which at least one item is held out."""
        features, classes = torch.cat(list(outputs)).float(), torch.cat(list(targets))
        held_out = len(classes) if self.held_out is None else self.held_out
        last = torch.arange(len(classes) - held_out, len(classes), device=classes.device)
        total = torch.zeros(2, 2, device=features.device)
        for rows in torch.split(last, _ROWS):
            total += _sums(features, classes, rows)
        return float(_halves(total))

    def decode(self, outputs: Tensor) -> NDArray[np.float32]:
        """The features, ``(N, D)``."""
        features: NDArray[np.float32] = outputs.detach().float().cpu().numpy()
        return features


def _sums(features: Tensor, classes: Tensor, rows: Tensor) -> Tensor:
    """Squared errors and number of pairs, for pairs of one class and of two; each of ``rows`` with all before it."""
    directions = normalize(features, dim=1)
    cosines = directions[rows] @ directions.T
    same = classes[rows, None] == classes
    before = torch.arange(len(classes), device=classes.device) < rows[:, None]
    return torch.stack([_kind(cosines - 1, same & before), _kind(cosines, ~same & before)])


def _kind(errors: Tensor, which: Tensor) -> Tensor:
    return torch.stack([(errors.square() * which).sum(), which.sum().to(errors.dtype)])


def _halves(sums: Tensor) -> Tensor:
    """Half the mean of each kind, of ``(2, 2)`` sums and counts."""
    return (sums[:, 0] / sums[:, 1].clamp_min(1)).mean()
