r"""The budget becomes a plan of tuning steps: where the boundary goes, at which rates, for how many epochs.

Let one forward pass over an example cost :math:`b` seconds below the boundary, by the frozen engine and with decoding,
and :math:`a` above it. A training step goes through what is above about three times (forward, and backward for weights
and activations), a validation once. With :math:`N` training and :math:`M` validation examples, :math:`K` changed views,
:math:`E` epochs and :math:`s` seconds before the first step:

.. math::
    \text{cached} = ((K + 1) N + M) \, b + E (3 N + M) \, a + s \qquad
    \text{computed each time} = E \left( (N + M) \, b + (3 N + M) \, a \right) + s

The cheaper one that there is room for is planned, and both predictions are kept to be held against what happened.

What counts is updates: of many examples few epochs are enough, of few examples the usual ones may not be (Mosbach et
al., "On the Stability of Fine-tuning BERT", ICLR 2021). With :math:`B` updates per epoch and the :math:`U` of the
strategy, a training has :math:`U / B` epochs, within :data:`LEAST_EPOCHS` and those of its phase.

A search wishes for every boundary at the usual rate, from the top down; then for all stages once more and longer, for
:math:`U / B` epochs and at least those of the phase, where that is :data:`LONGER` times the usual or more; then for
every boundary at other rates. It gets what the budget buys, in this order.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from headstart.training.phase import LearningRates, Phase
from headstart.training.plan import steps_per_epoch
from headstart.transfer.strategy import CHOSEN, Strategy

#: How what lies below the boundary is had.
Below = Literal["cached", "computed each time", "nothing"]

#: A training step costs so many forward passes.
PASSES = 3
#: Share of a training's time that choosing its precision and layout may take, and the least, in seconds.
MEASURING, LEAST_MEASURING = 0.08, 1.0
#: Seconds before the first step besides: loading the backbone, the first snapshot.
SET_UP = 1.0
#: With fewer epochs a rate has no time to rise and fall.
LEAST_EPOCHS = 3
#: A longer training is worth its name from so many times the usual epochs on.
LONGER = 2
#: A boundary is tried where the part that trains costs so many times less than that of the boundary below it, and at
#: least this share of a whole forward pass.
RUNG_FACTOR, LEAST_SHARE = 2.0, 0.03


@dataclass(frozen=True, slots=True)
class BoundaryCost:
    """What one place for the boundary costs on this machine.

    Attributes:
        boundary: Name of the lowest stage that trains; ``"bottom"`` where all do.
        share_below: Share of a forward pass's cost that lies below, in [0, 1].
        below_seconds: Decoding an example and computing its activations at the boundary, by the frozen engine.
        above_seconds: One forward pass of an example through what lies above, where it trains.
        row_bytes: What one example's activations at the boundary take in the cache.
    """

    boundary: str
    share_below: float
    below_seconds: float
    above_seconds: float
    row_bytes: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much there is to learn from.

    Attributes:
        train: Training examples.
        validation: Validation examples.
        views: Augmented views per training example that a cache would hold.
    """

    train: int
    validation: int
    views: int


@dataclass(frozen=True, slots=True)
class TuningStep:
    """One training of the plan, as plain data.

    Attributes:
        name: What a person calls it.
        strategy: How it is trained, as a user writes it: ``"partial"``, ``"finetune"``, ``"contrastive"``.
        phases: What the loop does.
        below: How what lies below the boundary is had.
        views: Changed views per training example in the cache; without a cache there is no end of them, unless 0.
        share_below: Share of a forward pass's cost that lies below the boundary.
        predicted_seconds: What it was predicted to take.
        predicted_seconds_otherwise: What it would have taken the other way; ``None`` where there is no other.
        cache_bytes: What its cache was predicted to take; ``None`` where there is none.
        objective: What the loop makes small; see :mod:`headstart.transfer.objective`.
    """

    name: str
    strategy: str
    phases: tuple[Phase, ...]
    below: Below
    views: int
    share_below: float
    predicted_seconds: float
    predicted_seconds_otherwise: float | None = None
    cache_bytes: int | None = None
    objective: str = "classification"

    @property
    def boundary(self) -> str:
        """The lowest stage that trains, in any of its phases the first."""
        return str(self.phases[0].boundary)

    @property
    def epochs(self) -> int:
        """Epochs of all phases."""
        return sum(phase.epochs for phase in self.phases)

    @property
    def learning_rate(self) -> float:
        """Peak rate of the last stage."""
        return self.phases[0].learning_rates.backbone

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TuningStep:
        """The step that :meth:`to_json` wrote."""
        return cls(**{**values, "phases": tuple(map(Phase.from_json, values["phases"]))})


@dataclass(frozen=True, slots=True)
class TuningPlan:
    """What will be tried, from cheap to dear.

    Attributes:
        steps: In this order.
        unaffordable: What the budget did not buy, each with what it would have cost; cheapest first.
    """

    steps: tuple[TuningStep, ...]
    unaffordable: tuple[TuningStep, ...]

    @property
    def summary(self) -> str:
        """How many trainings, and how long they were predicted to take: ``2 trainings in about 40 s``."""
        seconds = sum(map(_price, self.steps))
        return f"{len(self.steps)} training{'' if len(self.steps) == 1 else 's'} in about {seconds:.0f} s"

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TuningPlan:
        """The plan that :meth:`to_json` wrote."""
        steps, unaffordable = (tuple(map(TuningStep.from_json, values[key])) for key in ("steps", "unaffordable"))
        return cls(steps, unaffordable)


def plan_tuning(
    strategy: Strategy,
    costs: Sequence[BoundaryCost],
    sizes: Sizes,
    *,
    budget: float,
    room_for: Callable[[int], bool],
) -> TuningPlan:
    """Turns a strategy and a budget into steps.

    Args:
        strategy: What is to be done; with phases.
        costs: Of every boundary that may be tried, the highest first; the last is the bottom.
        sizes: How much there is to learn from.
        budget: Seconds for all steps together.
        room_for: Whether a cache of so many bytes may be kept.

    Returns:
        The plan; without steps where the budget buys none.
    """
    planner = _Planner(strategy, sizes, room_for)
    if strategy.placement == "lowest affordable":
        return planner.lowest(costs, budget)
    if strategy.placement == "searched":
        return planner.bought(planner.searched(rungs(costs)), budget)
    return planner.bought([Wish(cost) for cost in costs if cost.boundary == strategy.phases[0].boundary], budget)


def rungs(costs: Sequence[BoundaryCost]) -> list[BoundaryCost]:
    """Boundaries worth trying, the highest first: from the bottom up, what trains costs at most half as much each time.

    Two neighbouring boundaries whose trained parts are nearly the same would only spend the budget twice.
    """
    kept = list(costs[-1:])
    for cost in reversed(costs[:-1]):
        above = 1 - cost.share_below
        if LEAST_SHARE <= above <= (1 - kept[-1].share_below) / RUNG_FACTOR:
            kept.append(cost)
    return kept[::-1]


@dataclass(frozen=True, slots=True)
class Wish:
    """A training that is worth its price.

    Attributes:
        cost: Of its boundary.
        factor: On the learning rates.
        longer: Whether all stages train longer than usual.
    """

    cost: BoundaryCost
    factor: float = 1.0
    longer: bool = False


@dataclass(frozen=True)
class _Planner:
    strategy: Strategy
    sizes: Sizes
    room_for: Callable[[int], bool]

    def lowest(self, costs: Sequence[BoundaryCost], budget: float) -> TuningPlan:
        """One step: the lowest boundary whose epochs the budget buys, all of them."""
        steps = [self.step(Wish(cost)) for cost in reversed(costs)]
        for place, step in enumerate(steps):
            if step.predicted_seconds <= budget:
                return TuningPlan((step,), tuple(sorted(steps[:place], key=_price)))
        return TuningPlan((), tuple(sorted(steps, key=_price)))

    def searched(self, costs: Sequence[BoundaryCost]) -> list[Wish]:
        """What a search tries, the most promising first."""
        usual, *others = self.strategy.rate_factors
        phases = self.strategy.phases
        worth_it = any(self.epochs(phase, longer=True) >= LONGER * self.epochs(phase) for phase in phases)
        return [
            *(Wish(cost, usual) for cost in costs),
            *(Wish(cost, usual, longer=True) for cost in costs[-1:] if worth_it),
            *(Wish(cost, factor) for factor in others for cost in costs),
        ]

    def epochs(self, phase: Phase, *, longer: bool = False) -> int:
        """How many epochs a phase has, where the budget buys them."""
        if not self.strategy.updates:
            return phase.epochs
        enough = math.ceil(self.strategy.updates / steps_per_epoch(phase, self.sizes.train))
        return max(enough, phase.epochs) if longer else min(max(enough, LEAST_EPOCHS), phase.epochs)

    def bought(self, wishes: Sequence[Wish], budget: float) -> TuningPlan:
        """As many of the wishes, most promising first, as the budget buys; with fewer epochs where it must be."""
        steps: list[TuningStep] = []
        unaffordable: list[TuningStep] = []
        for wish in wishes:
            filled = any(step.boundary == wish.cost.boundary and step.below == "cached" for step in steps)
            step = self.within(budget - sum(map(_price, steps)), wish, filled=filled)
            if step is None:
                unaffordable.append(self.step(wish, filled=filled))
            else:
                steps.append(step)
        return TuningPlan(tuple(_in_order(steps)), tuple(sorted(unaffordable, key=_price)))

    def within(self, seconds: float, wish: Wish, *, filled: bool) -> TuningStep | None:
        """The wish with as many epochs as the seconds buy; ``None`` where these are too few."""
        usual = max(map(self.epochs, self.strategy.phases))
        most = max(self.epochs(phase, longer=wish.longer) for phase in self.strategy.phases)
        lengths = range(LONGER * usual if wish.longer else min(LEAST_EPOCHS, usual), most + 1)
        affordable = bisect_right(
            lengths, seconds, key=lambda epochs: _price(self.step(wish, epochs=epochs, filled=filled))
        )
        return self.step(wish, epochs=lengths[affordable - 1], filled=filled) if affordable else None

    def step(self, wish: Wish, *, epochs: int | None = None, filled: bool = False) -> TuningStep:
        """A wish, predicted; cached where that is cheaper and there is room.

        Args:
            wish: The training.
            epochs: Of each phase at most; ``None`` for all that are wished for.
            filled: Whether an earlier step fills the same cache.
        """
        cost = wish.cost
        phases = tuple(self.placed(phase, wish, epochs) for phase in self.strategy.phases)
        train, validation, views = self.sizes.train, self.sizes.validation, self.sizes.views
        rounds = sum(phase.epochs for phase in phases)
        above = _with_set_up(rounds * (PASSES * train + validation) * cost.above_seconds)
        each_time = above + rounds * (train + validation) * cost.below_seconds
        name = self.name(cost.boundary, phases[0].learning_rates.backbone)
        step = TuningStep(
            name=f"{name}, longer" if wish.longer else name,
            strategy=self.named("finetune" if cost.boundary == "bottom" else "partial"),
            phases=phases,
            below="nothing" if cost.boundary == "bottom" else "computed each time",
            views=views,
            share_below=cost.share_below,
            predicted_seconds=each_time,
            objective=self.strategy.objective,
        )
        if cost.boundary == "bottom":
            return step
        rows = (views + 1) * train + validation
        cached = above + (0.0 if filled else rows * cost.below_seconds)
        size = rows * cost.row_bytes
        if cached <= each_time and self.room_for(size):
            return replace(
                step,
                below="cached",
                predicted_seconds=cached,
                predicted_seconds_otherwise=each_time,
                cache_bytes=size,
            )
        return replace(step, predicted_seconds_otherwise=cached)

    def placed(self, phase: Phase, wish: Wish, epochs: int | None) -> Phase:
        """A phase at the boundary, the rates and the length of a wish, of at most so many epochs."""
        rates, wished = phase.learning_rates, self.epochs(phase, longer=wish.longer)
        return replace(
            phase,
            boundary=wish.cost.boundary if phase.boundary == CHOSEN else phase.boundary,
            learning_rates=LearningRates(wish.factor * rates.head, wish.factor * rates.backbone, rates.decay),
            epochs=wished if epochs is None else min(epochs, wished),
            patience=max(phase.patience, math.ceil(phase.patience * wished / phase.epochs)),
        )

    def name(self, boundary: str, rate: float) -> str:
        """What a person calls a training."""
        where = "all stages" if boundary == "bottom" else f"from {boundary}"
        found = f"{where} at {rate:.2g}"
        return found if self.strategy.objective == "classification" else f"{self.strategy.objective}, {found}"

    def named(self, by_boundary: str) -> str:
        """How a training is called among the strategies: by its boundary, unless its objective is its own."""
        return by_boundary if self.strategy.objective == "classification" else self.strategy.name


def _with_set_up(seconds: float) -> float:
    return seconds + SET_UP + max(LEAST_MEASURING, MEASURING * seconds)


def _in_order(steps: Sequence[TuningStep]) -> list[TuningStep]:
    """From cheap to dear by boundary; at one boundary the most promising first, which is also who fills the cache."""
    first = {step.boundary: step for step in reversed(steps)}
    return sorted(steps, key=lambda step: _price(first[step.boundary]))


def _price(step: TuningStep) -> float:
    return step.predicted_seconds
