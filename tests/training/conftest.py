"""A tiny backbone and tiny pictures, so that a whole training takes a blink."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from headstart.backbones.card import Stage
from headstart.backbones.stages import Part, StagedBackbone
from headstart.tasks.classification import Classification
from headstart.training.augment import Augmentation
from headstart.training.examples import PictureExamples, channel_statistics
from headstart.training.network import Network
from headstart.training.phase import LearningRates, Phase

DIMS = {"stem": 8, "middle": 12, "last": 16}


def tiny_backbone(seed: int = 0, *, cut: bool = True) -> StagedBackbone:
    """Three stages with batch norm and dropout; ``cut=False`` offers no boundary after the stem."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = nn.Module()
        channels = 3
        for name, dim in DIMS.items():
            layers = [nn.Conv2d(channels, dim, 3, stride=2, padding=1), nn.BatchNorm2d(dim), nn.ReLU(), nn.Dropout(0.1)]
            model.add_module(name, nn.Sequential(*layers))
            channels = dim
    parts = [Part(name, (name,), _step(name)) for name in DIMS]
    stages = [Stage("stem", 8, "NCHW", boundary=cut), Stage("middle", 12, "NCHW"), Stage("last", 16, "NC")]
    return StagedBackbone(model, parts, stages)


def _step(name: str) -> Callable[[nn.Module, Tensor, object], Tensor]:
    def step(model: nn.Module, hidden: Tensor, context: object) -> Tensor:
        output = model.get_submodule(name)(hidden)
        return output.mean((2, 3)) if name == "last" else output

    return step


@pytest.fixture
def make_network() -> Callable[..., Network]:
    def make(seed: int = 0) -> Network:
        backbone = tiny_backbone(seed)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            return Network(backbone, Classification(3).build_head(backbone))

    return make


@pytest.fixture
def make_backbone() -> Callable[..., StagedBackbone]:
    return tiny_backbone


@pytest.fixture
def make_examples() -> Callable[..., PictureExamples]:
    """Pictures of 8 × 8 whose brightest channel is their class."""

    def make(count: int = 48, seed: int = 0, *, augmentation: Augmentation | None = None) -> PictureExamples:
        random = np.random.default_rng(seed)
        labels = np.arange(count) % 3
        pictures = random.integers(0, 120, (count, 8, 8, 3)).astype(np.uint8)
        pictures[np.arange(count), :, :, labels] += 100
        rows = np.arange(count)
        mean, std = channel_statistics(pictures.__getitem__, rows)
        return PictureExamples(
            pictures.__getitem__,
            rows,
            labels=labels,
            mean=mean,
            std=std,
            augmentation=augmentation or Augmentation(),
        )

    return make


@pytest.fixture
def phase() -> Phase:
    return Phase("bottom", LearningRates(head=0.01, backbone=0.01), epochs=6, batch_size=16, patience=6)
