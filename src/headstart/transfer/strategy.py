"""A strategy is plain data: which weights to start from, the phases to train in, and how the boundary is placed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from headstart.backbones.card import Stage
from headstart.core.registry import Registry
from headstart.training.phase import LearningRates, Phase, Regulariser

Weights = Literal["pretrained", "random"]

#: ``"given"``: each phase names its boundary. ``"lowest affordable"``: the lowest one whose training the budget buys.
#: ``"searched"``: several, from cheap to dear, as many as the budget buys; the best by validation wins.
Placement = Literal["given", "lowest affordable", "searched"]

#: The boundary of a phase that leaves it to the plan; see :mod:`headstart.transfer.tuning_plan`.
CHOSEN = "chosen"


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way of moving knowledge from a source to a target.

    On pretrained weights a head is first solved in closed form on frozen features; a strategy without phases ends
    there, the others begin with it. On random weights the head is drawn like the rest.

    Attributes:
        name: As a user writes it.
        weights: What the backbone starts from.
        phases: What the loop does, in order.
        placement: How the boundary is placed.
        rate_factors: The learning rates of the phases are multiplied by these where several are tried, the most
            promising first.
        updates: A training is as many epochs as make so many updates, but no more than its phases have; of few
            examples those make fewer. 0 where the epochs of the phases count.
        objective: What the loop makes small: a name in :data:`headstart.transfer.objective.OBJECTIVES`.
    """

    name: str
    weights: Weights
    phases: tuple[Phase, ...] = ()
    placement: Placement = "given"
    rate_factors: tuple[float, ...] = (1.0,)
    updates: int = 0
    objective: str = "classification"


#: Feature extraction: the boundary stays at the top, and the head alone is fitted.
PROBE = Strategy("probe", weights="pretrained")

#: On sst2's 6,920 sentences three epochs of all stages, 651 updates, came to 88.9 % on test, as much as 2,595 smaller
#: updates of transformers' Trainer; ten epochs of the last block to 84.2 %.
_UPDATES = 600

_TUNING = Phase(
    boundary=CHOSEN,
    learning_rates=LearningRates(head=1e-3, backbone=2e-3, decay=0.8),
    epochs=10,
    batch_size=32,
    patience=7,
    regulariser=Regulariser(weight_decay=0.05),
)

#: What passes tokens on, a transformer, is trained at so much of the rate that convolutions bear. On sst2 all stages
#: came to 87.3 % on validation at 0.001 and to 84.5 % at 0.002.
TOKEN_RATE = 0.5

#: The stages above a boundary train together with the probe's head, which has found its place before they move (Kumar
#: et al., "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution", ICLR 2022).
PARTIAL = Strategy("partial", weights="pretrained", phases=(_TUNING,), placement="lowest affordable", updates=_UPDATES)

#: Everything trains, the stages near the input more slowly (Howard & Ruder 2018).
FINETUNE = Strategy("finetune", weights="pretrained", phases=(replace(_TUNING, boundary="bottom"),), updates=_UPDATES)

#: The best of both within a budget: the probe, then lower and lower boundaries, longer trainings where there is little
#: to learn from, and other rates. On 260 recordings of spoken digits, as pictures far from photos, all stages came to
#: 86.7 % of 180 test recordings in 90 updates, and to 96.7 % in 360.
AUTO = Strategy(
    "auto",
    weights="pretrained",
    phases=(_TUNING,),
    placement="searched",
    rate_factors=(1.0, 2.0, 0.5),
    updates=_UPDATES,
)

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

#: For a handful of examples of each class: the features are tuned by pairs of them, then a linear head is solved on
#: these (Tunstall et al. 2022, SetFit).
CONTRASTIVE = Strategy(
    "contrastive",
    weights="pretrained",
    phases=(
        Phase(
            boundary="bottom",
            learning_rates=LearningRates(head=1e-4, backbone=1e-4),
            epochs=30,
            batch_size=16,
            patience=30,
        ),
    ),
    objective="contrastive",
)


def suited_to(strategy: Strategy, stages: Sequence[Stage]) -> Strategy:
    """A strategy at the rates that a backbone with these stages bears.

    Example:
        >>> from headstart.backbones.card import Stage
        >>> suited_to(FINETUNE, [Stage("block", 384, "NLC")]).phases[0].learning_rates.backbone
        0.001
    """
    if strategy.objective != "classification" or not any(stage.layout == "NLC" for stage in stages):
        return strategy
    return replace(strategy, phases=tuple(map(_for_tokens, strategy.phases)))


def _for_tokens(phase: Phase) -> Phase:
    rates = phase.learning_rates
    return replace(phase, learning_rates=replace(rates, backbone=TOKEN_RATE * rates.backbone))


STRATEGIES: Registry[Strategy] = Registry(
    "strategy",
    {
        name: f"headstart.transfer.strategy:{name.upper()}"
        for name in ("auto", "probe", "partial", "finetune", "contrastive", "scratch")
    },
    group="headstart.strategies",
)
