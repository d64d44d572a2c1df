"""Heads as they are saved and used: features to class probabilities, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from headstart.features.rows import Rows

_ROWS = 8192


class Head(Protocol):
    """Turns the features at a boundary into class probabilities."""

    @property
    def temperature(self) -> float:
        """Logits are divided by it before the softmax."""

    def probabilities(self, features: Rows) -> NDArray[np.float64]:
        """Class probabilities ``(N, C)`` of feature rows ``(N, D)``."""

    def tensors(self) -> dict[str, NDArray[Any]]:
        """What goes into ``model.safetensors``, in torch's layout."""


@dataclass(frozen=True)
class LinearHead:
    """A linear classifier.

    Attributes:
        weight: ``(C, D)``, as torch keeps it.
        bias: ``(C,)``.
        temperature: Logits are divided by it before the softmax.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    temperature: float

    def probabilities(self, features: Rows) -> NDArray[np.float64]:
        """Class probabilities ``(N, C)`` of feature rows ``(N, D)``."""
        result = np.empty((features.shape[0], len(self.bias)))
        for place, rows in features.chunks(_ROWS):
            result[place] = softmax((rows @ self.weight.T + self.bias) / self.temperature)
        return result

    def tensors(self) -> dict[str, NDArray[Any]]:
        """``head.weight`` and ``head.bias``."""
        return {"head.weight": self.weight, "head.bias": self.bias}


@dataclass(frozen=True)
class MlpHead:
    """One hidden layer of rectified units on standardised features.

    Attributes:
        hidden: ``(H, D)`` weights and ``(H,)`` bias; the standardisation is folded into them.
        output: ``(C, H)`` weights and ``(C,)`` bias.
        temperature: Logits are divided by it before the softmax.
    """

    hidden: tuple[NDArray[np.float32], NDArray[np.float32]]
    output: tuple[NDArray[np.float32], NDArray[np.float32]]
    temperature: float

    def probabilities(self, features: Rows) -> NDArray[np.float64]:
        """Class probabilities ``(N, C)`` of feature rows ``(N, D)``."""
        result = np.empty((features.shape[0], len(self.output[1])))
        for place, rows in features.chunks(_ROWS):
            units = np.maximum(rows @ self.hidden[0].T + self.hidden[1], 0)
            result[place] = softmax((units @ self.output[0].T + self.output[1]) / self.temperature)
        return result

    def tensors(self) -> dict[str, NDArray[Any]]:
        """``head.0`` and ``head.2``, as in a torch ``Sequential`` with the activation between."""
        return {
            "head.0.weight": self.hidden[0],
            "head.0.bias": self.hidden[1],
            "head.2.weight": self.output[0],
            "head.2.bias": self.output[1],
        }


def read_head(tensors: Mapping[str, NDArray[Any]], strategy: Mapping[str, Any]) -> Head:
    """The head among a run's tensors.

    Args:
        tensors: What :meth:`Head.tensors` gave, and the backbone's.
        strategy: The manifest's entry, with ``"head"`` and ``"temperature"``.
    """
    temperature = float(strategy["temperature"])
    if strategy["head"] == "linear":
        return LinearHead(tensors["head.weight"], tensors["head.bias"], temperature)
    hidden, output = (tuple(tensors[f"head.{layer}.{part}"] for part in ("weight", "bias")) for layer in (0, 2))
    return MlpHead((hidden[0], hidden[1]), (output[0], output[1]), temperature)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities ``(..., C)`` of logits."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True), dtype=np.float64)
    return np.asarray(exponentials / exponentials.sum(axis=-1, keepdims=True), dtype=np.float64)
