"""A tiny backbone and tiny pictures, so that a whole training takes a blink."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from headstart.backbones.card import ImagePreprocess, Stage
from headstart.backbones.stages import Part, StagedBackbone
from headstart.tasks.classification import Classification
from headstart.training.activations import InputExamples
from headstart.training.augment import Augmentation
from headstart.training.network import Network

DIMS = {"stem": 8, "middle": 12, "last": 16}
TASK = Classification(3)


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


def tiny_network(seed: int = 0, *, dropout: float = 0.1) -> Network:
    """The tiny backbone and a head for three classes."""
    backbone = tiny_backbone(seed)
    for module in backbone.modules():
        if isinstance(module, nn.Dropout):
            module.p = dropout
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Network(backbone, TASK.build_head(backbone))


def tiny_examples(count: int = 48, seed: int = 0, *, augmentation: Augmentation | None = None) -> InputExamples:
    """Pictures of 8 × 8 whose brightest channel is their class."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    pictures = random.integers(0, 120, (count, 8, 8, 3)).astype(np.uint8)
    pictures[np.arange(count), :, :, labels] += 100
    preprocess = ImagePreprocess(8, 1.0, "bilinear", (0, 0, 0), (1, 1, 1)).fitted_to([pictures])
    return InputExamples(
        lambda rows, _: pictures[rows], labels, preprocess=preprocess, jitter=augmentation or Augmentation()
    )


def state_of(network: Network) -> dict[str, Tensor]:
    """A copy of all parameters and buffers."""
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def changed(before: dict[str, Tensor], network: Network) -> set[str]:
    """Names of the parameters and buffers that differ in any bit."""
    return {name for name, tensor in network.state_dict().items() if not torch.equal(before[name], tensor)}
