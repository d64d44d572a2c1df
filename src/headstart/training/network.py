"""The network that trains: a backbone with a boundary in it, and a head on top."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from headstart.backbones.stages import StagedBackbone
from headstart.training.frozen import boundary_position, free_above, train_above
from headstart.training.phase import Phase


class Network(nn.Module):
    """A backbone and a head; what lies below the boundary runs without gradients.

    Args:
        backbone: The stages.
        head: Called as ``head(features, targets)``; see :class:`headstart.tasks.contract.Task`.
    """

    def __init__(self, backbone: StagedBackbone, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head
        self.boundary = 0

    @property
    def trained_stages(self) -> range:
        """Positions of the stages above the boundary."""
        return range(self.boundary, len(self.backbone.stages))

    def place_boundary(self, phase: Phase) -> None:
        """Freezes the stages below the phase's boundary and frees all above it."""
        self.boundary = boundary_position(self.backbone, phase.boundary)
        free_above(self.backbone, self.boundary)

    def begin_training(self, phase: Phase) -> None:
        """Training mode above the boundary, and only there."""
        self.head.train()
        train_above(self.backbone, self.boundary, batch_norm=phase.batch_norm)

    def below(self, inputs: Any) -> Any:
        """The activations at the boundary: without gradients, the same in every epoch."""
        with torch.no_grad():
            return self.backbone(inputs, stop=self.boundary)

    def above(self, hidden: Any, targets: Any = None) -> Any:
        """From the activations at the boundary to the head's outputs."""
        return self.head(self.backbone(hidden, start=self.boundary), targets)

    def forward(self, inputs: Any, targets: Any = None) -> Any:
        """From inputs to the head's outputs."""
        return self.above(self.below(inputs), targets)
