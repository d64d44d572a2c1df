"""The network that trains: a backbone with a boundary in it, and a head on top."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from headstart.backbones.stages import StagedBackbone
from headstart.training.frozen import boundary_position, free_above, frozen_state, train_above
from headstart.training.phase import Phase
from headstart.training.plan import Layout

_FORMATS = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}


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
        self._layout: Layout | None = None

    @property
    def trained_stages(self) -> range:
        """Positions of the stages above the boundary."""
        return range(self.boundary, len(self.backbone.stages))

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(self.parameters()).device

    def trained_state(self, lowest: int) -> dict[str, Tensor]:
        """Parameters and buffers of the head and of the stages from ``lowest`` on, by name."""
        below = {f"backbone.model.{name}" for name in frozen_state(self.backbone, lowest)}
        return {name: tensor for name, tensor in self.state_dict().items() if name not in below}

    def lay_out(self, layout: Layout) -> None:
        """Puts kernels into this memory layout, and from now on every batch of pictures or feature maps as well.

        Each kernel is copied, also where its bytes would stay: a kernel of one pixel lies both ways at once, and which
        way torch takes it to lie must not depend on where it lay before.
        """
        self._layout = layout
        for tensor in chain(self.parameters(), self.buffers()):
            if tensor.ndim == 4:
                tensor.data = tensor.data.clone(memory_format=_FORMATS[layout])

    def place_boundary(self, phase: Phase) -> None:
        """Freezes the stages below the phase's boundary and frees all above it."""
        self.boundary = boundary_position(self.backbone, phase.boundary)
        free_above(self.backbone, self.boundary)

    def begin_training(self, phase: Phase) -> None:
        """Training mode above the boundary, and only there."""
        self.head.train()
        train_above(self.backbone, self.boundary, batch_norm=phase.batch_norm)

    def below(self, inputs: Any, start: int = 0, context: Tensor | None = None) -> Any:
        """The activations at the boundary: without gradients, the same in every epoch.

        Args:
            inputs: What enters the stage at ``start``; at the boundary itself it is handed back.
            start: A position up to the boundary.
            context: What the stages need beside it.

        Raises:
            ValueError: The inputs enter above the boundary, so that stages that are to train would be left out.
        """
        if start > self.boundary:
            raise ValueError(
                f"Expected inputs for a stage up to the boundary, position {self.boundary}, but got `start` {start}; "
                "use activations that were computed for this boundary."
            )
        if self._layout is not None and isinstance(inputs, Tensor) and inputs.ndim == 4:
            inputs = inputs.contiguous(memory_format=_FORMATS[self._layout])
        with torch.no_grad():
            return self.backbone(inputs, start=start, stop=self.boundary, context=context)

    def above(self, hidden: Any, targets: Any = None, context: Tensor | None = None) -> Any:
        """From the activations at the boundary to the head's outputs."""
        return self.head(self.backbone(hidden, start=self.boundary, context=context), targets)

    def forward(self, inputs: Any, targets: Any = None, start: int = 0, context: Tensor | None = None) -> Any:
        """From the inputs of the stage at ``start`` to the head's outputs."""
        return self.above(self.below(inputs, start, context), targets, context)
