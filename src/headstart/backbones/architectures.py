"""Building an architecture without its classifier, its weights drawn from a seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from headstart.core.errors import UnknownNameError
from headstart.core.registry import Registry

if TYPE_CHECKING:
    from torch import nn

#: Builds an architecture from its name and the side of its square input.
Builder = Callable[[str, int], "nn.Module"]

LIBRARIES: Registry[Builder] = Registry(
    "architecture library",
    {
        "timm": "headstart.backbones.architectures:build_timm",
        "headstart": "headstart.backbones.architectures:build_own",
    },
    group="headstart.architecture_libraries",
)


def build(library: str, architecture: str, size: int, *, seed: int = 0) -> nn.Module:
    """A source model without its classifier, in evaluation mode, with random weights.

    Args:
        library: ``"timm"``, ``"headstart"`` or a third party's.
        architecture: The library's name of the architecture, without a tag.
        size: Side of the square input, in pixels.
        seed: Draws the weights; torch's own random state is left as it was.

    Returns:
        A module from ``(N, 3, size, size)`` to pooled features ``(N, D)``.

    Raises:
        UnknownNameError: The library or the architecture is not known.
    """
    import torch

    builder = LIBRARIES[library]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return builder(architecture, size).eval()


def build_timm(architecture: str, size: int) -> nn.Module:
    """An architecture of timm, through timm's own ``num_classes=0``."""
    import timm

    if not timm.is_model(architecture):
        raise UnknownNameError("timm architecture", architecture, timm.list_models())
    default = timm.get_pretrained_cfg(architecture)
    resized = default is not None and default.fixed_input_size and size != default.input_size[-1]
    model: nn.Module = timm.create_model(architecture, num_classes=0, **({"img_size": size} if resized else {}))
    return model


def build_own(architecture: str, size: int) -> nn.Module:
    """The architectures that headstart brings itself."""
    from headstart.backbones.small_convnet import SmallConvnet

    if architecture != "small_convnet":
        raise UnknownNameError("headstart architecture", architecture, ["small_convnet"])
    return SmallConvnet()
