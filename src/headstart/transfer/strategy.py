"""A strategy is plain data: which weights to start from, and the phases to train in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headstart.core.registry import Registry
from headstart.training.phase import LearningRates, Phase, Regulariser

Weights = Literal["pretrained", "random"]


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way of moving knowledge from a source to a target.

    On pretrained weights a head is first solved in closed form on frozen features; a strategy without phases ends
    there. On random weights the head is drawn like the rest.

    Attributes:
        name: As a user writes it.
        weights: What the backbone starts from.
        phases: What the loop does, in order.
    """

    name: str
    weights: Weights
    phases: tuple[Phase, ...] = ()


#: Feature extraction: the boundary stays at the top, and the head alone is fitted.
PROBE = Strategy("probe", weights="pretrained")

#: Everything trains, by AdamW in one cycle. On 2,550 CIFAR photos of 32 pixels the small network came to 0.63 to
#: 0.68 on test with 14 to 40 epochs, rates of 1e-3 to 4e-3 and batches of 32 or 64; more weight decay than usual did
#: no harm and put off overfitting.
SCRATCH = Strategy(
    "scratch",
    weights="random",
    phases=(
        Phase(
            boundary="bottom",
            learning_rates=LearningRates(head=2e-3, backbone=2e-3),
            epochs=60,
            batch_size=64,
            patience=20,
            regulariser=Regulariser(weight_decay=0.5),
        ),
    ),
)

STRATEGIES: Registry[Strategy] = Registry(
    "strategy",
    {"probe": "headstart.transfer.strategy:PROBE", "scratch": "headstart.transfer.strategy:SCRATCH"},
    group="headstart.strategies",
)
