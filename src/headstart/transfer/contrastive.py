"""Few-shot learning by contrastive tuning (Tunstall et al. 2022, SetFit).

The backbone learns that items of one class are alike; then a linear head is fitted in closed form on the new features,
as the probe's was on the old ones. It takes any backbone with pooled features, of texts, pictures or sounds.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headstart.backbones.preprocess import PADDING
from headstart.features.rows import ArrayRows
from headstart.tasks.contrastive import Contrastive, PooledFeatures
from headstart.training.examples import Batch, Examples
from headstart.training.inference import forward
from headstart.training.network import Network
from headstart.transfer.objective import Aim
from headstart.transfer.probe import fit_probe
from headstart.transfer.tuning import network_from_probe

#: Validation items are paired with at most so many training items.
MOST_PARTNERS = 256
_BATCH = 64


class ClassPairs:
    """The objective of contrastive tuning; see :class:`headstart.transfer.objective.Objective`."""

    def begin(self, network: Network, *, classes: int, train: Examples, validation: Examples) -> Aim:
        """The features alone, judged by pairs of validation items and their pairs with training items.

        Among a handful of validation items there may be no two of one class.
        """
        judged = WithPartners(train, validation)
        return Aim(Network(network.backbone, PooledFeatures()), Contrastive(held_out=len(validation)), judged)

    def end(self, network: Network, *, classes: int, train: Examples, seed: int) -> Network:
        """The tuned backbone under a new linear head."""
        features, labels = _features(network, train)
        probe = fit_probe(ArrayRows(features), labels, classes=classes, seed=seed)
        answering = network_from_probe(network.backbone, probe.head).to(network.device)
        answering.boundary = network.boundary
        return answering


class WithPartners:
    """Some training examples, evenly spaced, and then all validation examples.

    Args:
        train: What to choose partners from.
        validation: Stands at the end.
    """

    def __init__(self, train: Examples, validation: Examples) -> None:
        self._train, self._validation = train, validation
        self._partners = np.unique(np.linspace(0, len(train) - 1, min(len(train), MOST_PARTNERS)).astype(np.int64))

    def __len__(self) -> int:
        return len(self._partners) + len(self._validation)

    def batch(self, rows: NDArray[np.int64], generator: torch.Generator | None) -> Batch:
        """Examples of one kind or of both, in the order of their numbers."""
        first = rows[rows < len(self._partners)]
        last = rows[len(first) :] - len(self._partners)
        parts = [
            examples.batch(which, generator)
            for examples, which in ((self._train, self._partners[first]), (self._validation, last))
            if len(which)
        ]
        return parts[0] if len(parts) == 1 else _joined(*parts)


def _joined(first: Batch, second: Batch) -> Batch:
    """Two batches as one; texts of different lengths are filled up like those of one batch."""
    context = None if first.context is None or second.context is None else _stacked(first.context, second.context)
    return Batch(
        _stacked(first.inputs, second.inputs),
        torch.cat([first.targets, second.targets]),
        first.size + second.size,
        first.start,
        context,
    )


def _stacked(first: Tensor, second: Tensor) -> Tensor:
    if first.shape[1:] == second.shape[1:]:
        return torch.cat([first, second])
    longest = max(first.shape[1], second.shape[1])
    return torch.cat([_filled_up(values, longest) for values in (first, second)])


def _filled_up(values: Tensor, length: int) -> Tensor:
    """Ragged rows ``(N, L, ...)`` of another length: padding behind tokens, zeros behind activations."""
    missing = (len(values), length - values.shape[1], *values.shape[2:])
    padding = values.new_full(missing, 0 if values.is_floating_point() else PADDING)
    return torch.cat([values, padding], dim=1)


def _features(network: Network, examples: Examples) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Features ``(N, D)`` and class numbers ``(N,)`` of all examples, none of them changed."""
    features, labels = [], []
    for begin in range(0, len(examples), _BATCH):
        batch = examples.batch(np.arange(begin, min(begin + _BATCH, len(examples))), None)
        features.append(forward(network, batch, with_targets=False).float().cpu().numpy())
        labels.append(batch.targets.cpu().numpy())
    return np.concatenate(features), np.concatenate(labels)
