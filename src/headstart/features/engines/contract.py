"""What computes the frozen side of a backbone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Precision = Literal["f32", "bf16", "f16"]

#: What is made of a stage's output. ``"pooled"``: the mean over all places or tokens, ``(N, D)``. ``"whole"``: all of
#: it, channels last: ``(N, H, W, C)``, ``(N, L, D)`` or ``(N, D)``.
Form = Literal["pooled", "whole"]

#: ``"fast"``: scaled decoding and one resize of what the crop keeps. ``"source"``: the source library's own transform.
Transform = Literal["fast", "source"]


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """A whole path from file to feature: transform, engine, and the precision that it really computes in.

    Attributes:
        name: ``"openvino"`` or ``"torch"``.
        precision: The effective precision, which need not be the one that was asked for.
        device: ``"cpu"`` or ``"cuda"``.
        transform: How a file becomes an input.
    """

    name: str
    precision: Precision
    device: str = "cpu"
    transform: Transform = "fast"

    def __str__(self) -> str:
        with_transform = "" if self.transform == "fast" else ", the source's own transform"
        return f"{self.name} {self.precision} on {self.device}{with_transform}"


class Engine(Protocol):
    """Computes the outputs of some stages, pooled or whole, for one batch after another."""

    @property
    def precision(self) -> Precision:
        """The precision that it really computes in."""

    def compute(self, batch: NDArray[Any]) -> Mapping[str, NDArray[np.float32]]:
        """Each requested stage's output, in the :data:`Form` that the engine was started for, of prepared inputs."""
