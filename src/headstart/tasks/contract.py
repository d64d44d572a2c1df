"""What every task offers; whatever fits is a task, nothing has to inherit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn

    from headstart.backbones.stages import StagedBackbone


class Task(Protocol):
    """What is asked of a backbone.

    The head is called as ``head(features, targets)`` while training and validating and as ``head(features)`` when
    predicting; what it returns is the task's own business and goes to :meth:`loss` or :meth:`decode` unopened. So a
    detector, whose loss is computed inside its head, returns its losses where targets are given.
    """

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics by which an answer is judged, the leading one first."""

    def build_head(self, backbone: StagedBackbone) -> nn.Module:
        """A new head for this backbone, weights drawn at random."""

    def loss(self, outputs: Any, targets: Any) -> Tensor:
        """What training makes small: a scalar, the mean over the batch."""

    def held_out_loss(self, outputs: Sequence[Any], targets: Sequence[Any]) -> float:
        """By what the states of a training are compared: a loss over all validation examples, lower is better.

        It may differ from :meth:`loss` where that grows although the answers get better.

        Args:
            outputs: What the head returned, batch by batch.
            targets: The targets of those batches.
        """

    def decode(self, outputs: Any) -> Any:
        """The answers in the task's canonical form, as NumPy values."""
