"""A probe with one hidden layer: where the classes are not linearly separable in the features.

It is trained by the ordinary loop on cached features, as the head of a backbone whose stages all lie below the
boundary. Validation decides when to stop, and its logits the temperature; the linear probe needs neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headstart.backbones.stages import StagedBackbone
from headstart.core.progress import Progress
from headstart.features.rows import Rows
from headstart.metrics.temperature import best_temperature, doubt_after
from headstart.tasks.classification import Classification
from headstart.training.examples import Batch
from headstart.training.loop import Loop
from headstart.training.network import Network
from headstart.training.phase import LearningRates, Phase, Regulariser
from headstart.training.plan import PlannedPhase, steps_per_epoch
from headstart.training.records import PhaseRecord
from headstart.transfer.heads import MlpHead

HIDDEN = 256
PHASE = Phase(
    boundary="top",
    learning_rates=LearningRates(head=2e-3, backbone=0.0),
    epochs=60,
    batch_size=64,
    patience=15,
    regulariser=Regulariser(weight_decay=0.1),
)
_DROPOUT = 0.3


@dataclass(frozen=True)
class MlpProbe:
    """A fitted probe with one hidden layer.

    Attributes:
        head: The classifier, free of torch.
        record: What the epochs brought.
    """

    head: MlpHead
    record: PhaseRecord


def fit_mlp_probe(
    train: Rows,
    train_labels: NDArray[np.int64],
    *,
    validation: Rows,
    validation_labels: NDArray[np.int64],
    classes: int,
    seed: int = 0,
    progress: Progress | None = None,
) -> MlpProbe:
    """Trains the probe.

    Args:
        train: ``(N, D)`` features to learn from.
        train_labels: ``(N,)``.
        validation: ``(M, D)`` features that decide when to stop.
        validation_labels: ``(M,)``.
        classes: C.
        seed: Of weights, order and dropout.
        progress: Hears about every step.
    """
    rows, held_out = _array(train), _array(validation)
    mean, std = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-6)
    for values in (rows, held_out):  # in place: with many rows there is no room for copies
        np.subtract(values, mean, out=values)
        np.divide(values, std, out=values)
    task = Classification(classes)
    network = _network(rows.shape[1], classes, seed)
    loop = Loop(
        network,
        task,
        train=FeatureExamples(rows, train_labels),
        validation=FeatureExamples(held_out, validation_labels),
        seed=seed,
        progress=progress,
    )
    planned = PlannedPhase(PHASE, PHASE.epochs, steps_per_epoch(PHASE, len(rows)), "float32", epoch_seconds=0.0)
    (record,) = loop.fit([planned])
    head = _head(network, mean, std)
    logits = np.log(np.maximum(head.probabilities(validation), 1e-12)).astype(np.float32)
    temperature, _ = best_temperature(logits, validation_labels, doubt=doubt_after(len(validation_labels)))
    return MlpProbe(MlpHead(head.hidden, head.output, temperature), record)


class FeatureExamples:
    """Cached features as the loop's examples.

    Args:
        features: ``(N, D)``, standardised.
        labels: ``(N,)``.
    """

    def __init__(self, features: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
        self._features = torch.from_numpy(features)
        self._labels = torch.from_numpy(labels)

    def __len__(self) -> int:
        return len(self._labels)

    def batch(self, rows: NDArray[np.int64], generator: torch.Generator | None) -> Batch:
        """Features and labels of some rows; features are never augmented."""
        return Batch(self._features[rows], self._labels[rows], len(rows))


class _Mlp(nn.Sequential):
    def forward(self, features: Tensor, targets: Any = None) -> Tensor:
        logits: Tensor = self[3](self[2](self[1](self[0](features))))
        return logits


def _network(dim: int, classes: int, seed: int) -> Network:
    """No stages at all above the features, and the head."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        head = _Mlp(nn.Linear(dim, HIDDEN), nn.ReLU(), nn.Dropout(_DROPOUT), nn.Linear(HIDDEN, classes))
    return Network(StagedBackbone(nn.Identity(), (), ()), head)


def _head(network: Network, mean: NDArray[np.float32], std: NDArray[np.float32]) -> MlpHead:
    """The trained layers as arrays, with the standardisation folded into the first."""
    state = {name: tensor.detach().numpy() for name, tensor in network.head.state_dict().items()}
    weight = state["0.weight"] / std
    bias = state["0.bias"] - weight @ mean
    hidden = (np.ascontiguousarray(weight, np.float32), bias.astype(np.float32))
    return MlpHead(hidden, (state["3.weight"], state["3.bias"]), 1.0)


def _array(rows: Rows) -> NDArray[np.float32]:
    return np.concatenate([chunk for _, chunk in rows.chunks(8192)])
