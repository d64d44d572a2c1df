"""``headstart:small_convnet[.SIZE]``: our own small networks, to be trained from scratch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headstart.backbones.card import ImagePreprocess
from headstart.backbones.sources.contract import Blueprint, Provenance, Request
from headstart.core.errors import UnavailableError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from torch import nn

_HALF = (0.5, 0.5, 0.5)
_SIZES = range(8, 65)


class OwnSource:
    """Architectures of headstart itself; nobody has trained them, so they come with random weights alone."""

    def stamp(self, request: Request) -> str:
        """The name: the architecture is part of this package."""
        return request.name

    def blueprint(self, request: Request) -> Blueprint:
        """The architecture for pictures of ``SIZE`` × ``SIZE`` pixels, 32 where none is named.

        Raises:
            UnknownNameError: There is no such architecture.
            UsageError: The size is not a number from 8 to 64.
        """
        architecture, _, tag = request.name.partition(".")
        if architecture != "small_convnet":
            raise UnknownNameError("headstart architecture", architecture, ["small_convnet"])
        if not (tag or "32").isdecimal() or int(tag or 32) not in _SIZES:
            raise UsageError(f"Expected small_convnet.SIZE with a size of 8 to 64 pixels, but got {request.name!r}.")
        preprocess = ImagePreprocess(int(tag or 32), 1.0, "bilinear", _HALF, _HALF)
        return Blueprint("headstart", architecture, preprocess, "", "Apache-2.0")

    def load(self, request: Request, model: nn.Module) -> Provenance:
        """There is nothing to load.

        Raises:
            UnavailableError: Always.
        """
        raise UnavailableError(f"Expected --random-weights with {request.text}: no pretrained weights of it exist.")
