"""A network whose head reads every token's hidden state, where others read the pooled features."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from headstart.training.network import Network
from headstart.training.phase import Phase


class TokenNetwork(Network):
    """A text backbone and a head on its token states: language modelling, tagging, spans.

    A text backbone's last stage pools and has no weights; the head takes what enters it, the source model's own
    ``last_hidden_state``, shape ``(N, L, D)``.
    """

    @property
    def tokens_end(self) -> int:
        """Position of the pooling stage, which does not run."""
        return len(self.backbone.stages) - 1

    def place_boundary(self, phase: Phase) -> None:
        """As in any network; a boundary at the top is one below the pooling."""
        super().place_boundary(phase)
        self.boundary = min(self.boundary, self.tokens_end)

    def above(self, hidden: Any, targets: Any = None, context: Tensor | None = None) -> Any:
        """From the activations at the boundary to the head's outputs for every token."""
        states = self.backbone(hidden, start=self.boundary, stop=self.tokens_end, context=context)
        return self.head(states, targets)
