"""A phase of training as plain data: where the boundary is, what may move and how fast, for how long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

OptimizerName = Literal["adamw", "sgd"]
BatchNormPolicy = Literal["train", "frozen"]

#: The lowest part that trains: ``"bottom"`` (everything), ``"top"`` (the head alone), or a stage's name or position.
Boundary = str | int


@dataclass(frozen=True, slots=True)
class LearningRates:
    r"""Peak learning rates, layer by layer.

    Stage :math:`i` of :math:`S`, counted from the input, trains at :math:`\eta_i = \eta_b \, d^{S - 1 - i}`, with
    :math:`\eta_b` the backbone's rate and :math:`d` the decay (Howard & Ruder, "Universal Language Model Fine-tuning
    for Text Classification", 2018, where :math:`d = 1 / 2.6`).

    Attributes:
        head: Rate of the head.
        backbone: Rate of the last stage.
        decay: Factor from one stage to the one below it, in (0, 1].
    """

    head: float
    backbone: float
    decay: float = 1.0

    def of_stage(self, index: int, stages: int) -> float:
        """The rate of stage ``index`` (from 0, the input) of ``stages``.

        >>> LearningRates(head=0.1, backbone=0.01, decay=0.5).of_stage(1, 3)
        0.005
        """
        return self.backbone * self.decay ** (stages - 1 - index)


@dataclass(frozen=True, slots=True)
class Regulariser:
    """What keeps the weights from fitting noise.

    Attributes:
        weight_decay: Of weight matrices and kernels; biases and normalisation parameters are not decayed.
        gradient_norm: Gradients are scaled down to at most this Euclidean norm.
    """

    weight_decay: float = 0.05
    gradient_norm: float = 5.0


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of a strategy; the loop knows nothing else about it.

    Attributes:
        boundary: Stages below it are frozen: no gradient, batch norm at rest. See :data:`Boundary`.
        learning_rates: Peak rates; the one-cycle schedule rises to them and falls to almost nothing.
        epochs: The most epochs; a plan may grant fewer.
        batch_size: Examples per step.
        patience: Epochs without a better validation loss after which the phase ends.
        optimizer: The update rule.
        regulariser: See :class:`Regulariser`.
        batch_norm: Whether batch norm *above* the boundary follows the batches or rests as well.
        warm_up: Share of the steps in which the rate rises, in (0, 1).
    """

    boundary: Boundary
    learning_rates: LearningRates
    epochs: int
    batch_size: int
    patience: int
    optimizer: OptimizerName = "adamw"
    regulariser: Regulariser = field(default_factory=Regulariser)
    batch_norm: BatchNormPolicy = "train"
    warm_up: float = 0.2

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Phase:
        """From what :func:`dataclasses.asdict` gives of a phase."""
        rates, regulariser = LearningRates(**values["learning_rates"]), Regulariser(**values["regulariser"])
        return cls(**{**values, "learning_rates": rates, "regulariser": regulariser})
