"""``headstart:NAME[.SIZE]``: our own small networks, to be trained from scratch or to hold a file's weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from headstart.backbones.architectures import OWN
from headstart.backbones.card import ImagePreprocess
from headstart.backbones.sources.contract import Blueprint, Provenance, Request
from headstart.core.errors import UnavailableError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from torch import nn

    from headstart.core.progress import Progress

Channels = tuple[float, float, float]

_HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Family:
    """What our architectures of one family have in common.

    Attributes:
        sizes: Sides of the square input they can take, in pixels; 32 is what they take where none is named.
        mean: Per channel, of values in [0, 1].
        std: Per channel, of values in [0, 1].
        paper: Reference.
    """

    sizes: range
    mean: Channels
    std: Channels
    paper: str


#: Start of a name to its family.
_FAMILIES = {
    "small_convnet": Family(range(8, 65), _HALF, _HALF, ""),
    "lenet": Family(
        range(32, 33), _HALF, _HALF, "LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition"
    ),
    "cifar_resnet": Family(
        range(8, 65),
        (0.485, 0.456, 0.406),
        (0.229, 0.224, 0.225),
        "He et al. 2016, Deep Residual Learning (arXiv:1512.03385), section 4.2",
    ),
}


def architectures() -> list[str]:
    """Names of the architectures that can be asked for."""
    return [name for name in OWN if name.startswith(tuple(_FAMILIES))]


class OwnSource:
    """Architectures of headstart itself; it brings no weights of them, so they are random or a ``file:``'s."""

    def stamp(self, request: Request) -> str:
        """The name: the architecture is part of this package."""
        return request.name

    def blueprint(self, request: Request) -> Blueprint:
        """The architecture for pictures of ``SIZE`` × ``SIZE`` pixels, 32 where none is named.

        Raises:
            UnknownNameError: There is no such architecture.
            UsageError: The size is none that it takes.
        """
        architecture, _, tag = request.name.partition(".")
        family = next((family for start, family in _FAMILIES.items() if architecture.startswith(start)), None)
        if family is None or architecture not in OWN:
            raise UnknownNameError("headstart architecture", architecture, architectures())
        size = int(tag or 32) if (tag or "32").isdecimal() else 0
        if size not in family.sizes:
            sizes = " to ".join(map(str, sorted({family.sizes[0], family.sizes[-1]})))
            raise UsageError(f"Expected {architecture}.SIZE with a size of {sizes} pixels, but got {request.name!r}.")
        preprocess = ImagePreprocess(size, 1.0, "bilinear", family.mean, family.std)
        return Blueprint("headstart", architecture, preprocess, family.paper, "Apache-2.0")

    def load(self, request: Request, model: nn.Module, progress: Progress | None = None) -> Provenance:
        """There is nothing to load.

        Raises:
            UnavailableError: Always.
        """
        raise UnavailableError(f"Expected --random-weights with {request.text}: no pretrained weights of it exist.")
