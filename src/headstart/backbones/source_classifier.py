"""The classifier that a source model was trained with: what it takes the user's items for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class SourceClassifier:
    """A linear layer on pooled features.

    Attributes:
        weight: ``(S, D)``, float32; S source classes.
        bias: ``(S,)``, float32.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]

    def probabilities(self, features: NDArray[np.floating]) -> NDArray[np.float32]:
        """The source's own class probabilities ``softmax(W f + b)``, ``(N, S)``, of pooled features ``(N, D)``.

        Example:
            >>> even = SourceClassifier(np.zeros((4, 2), np.float32), np.zeros(4, np.float32))
            >>> even.probabilities(np.ones((1, 2))).tolist()
            [[0.25, 0.25, 0.25, 0.25]]
        """
        logits = features.astype(np.float32) @ self.weight.T + self.bias
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return logits

    def to_tensors(self) -> dict[str, NDArray[Any]]:
        """As named arrays."""
        return {"weight": self.weight, "bias": self.bias}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, NDArray[Any]]) -> SourceClassifier:
        """The classifier that :meth:`to_tensors` wrote."""
        return cls(tensors["weight"], tensors["bias"])
