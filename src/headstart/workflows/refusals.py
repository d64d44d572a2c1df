"""What a fit refuses before anything dear is done."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.backbones.card import BackboneCard
from headstart.backbones.catalog import check_name
from headstart.core.errors import UnknownNameError, UsageError
from headstart.training.trackers.contract import TRACKERS
from headstart.transfer.strategy import CHOSEN, STRATEGIES, Strategy
from headstart.transfer.tuning_plan import TuningPlan
from headstart.workflows.arrange import DataOptions
from headstart.workflows.gather import AUTO, BackboneOptions
from headstart.workflows.probes import HEADS

if TYPE_CHECKING:
    from headstart.workflows.fit import FitOptions

LEAST_PER_CLASS = 2


def refuse_at_once(data: DataOptions, backbone: BackboneOptions, options: FitOptions) -> None:
    """Refuses what cannot be meant.

    Raises:
        UnknownNameError: There is no such strategy, head or tracker.
        UsageError: Options that contradict each other or are out of range, or too few examples per class.
    """
    strategy = STRATEGIES[options.strategy]
    if options.head not in HEADS:
        raise UnknownNameError("head", options.head, HEADS)
    for problem in (*_contradictions(strategy, options), *_out_of_range(options)):
        raise UsageError(problem)
    if options.tracker is not None:
        TRACKERS[options.tracker]
    if backbone.name == AUTO:
        _refuse_beside_auto(backbone)
    elif backbone.name is not None:
        check_name(backbone.name, architecture=backbone.architecture)
    if data.per_class is not None and data.per_class < LEAST_PER_CLASS:
        raise UsageError(
            f"Expected --per-class to be at least {LEAST_PER_CLASS} (one to train on, one to validate with), but got "
            f"{data.per_class}."
        )


def refuse_boundary(card: BackboneCard, boundary: str | None) -> None:
    """Refuses a boundary that the backbone does not offer.

    Raises:
        UsageError: It lists those that there are.
    """
    possible = [above.name for below, above in zip(card.stages, card.stages[1:], strict=False) if below.boundary]
    if boundary is not None and boundary not in ("bottom", *possible):
        raise UsageError(
            f"Expected a boundary where {card.name} can be cut, but got {boundary!r}; choose one of "
            f"{', '.join(['bottom', *possible])}."
        )


def refuse_inside(target: Path, data: str) -> None:
    """Refuses a run inside the data: the next fit would read it as data.

    Raises:
        UsageError: It would lie there.
    """
    folder = Path(data)
    if folder.is_dir() and target.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"Expected a run outside the data, but {target} is inside {data}; name another --out.")


def refuse_unaffordable(plan: TuningPlan, strategy: Strategy, *, budget: float) -> None:
    """Refuses a plan without any training, where the strategy does not leave that open.

    Raises:
        UsageError: It names what the cheapest training would need.
    """
    if plan.steps or strategy.placement == "searched":
        return
    cheapest = plan.unaffordable[0]
    raise UsageError(
        f"Expected --budget to buy the training that --strategy {strategy.name} asks for, but {budget:.0f} s do not: "
        f"{cheapest.name} would need about {cheapest.predicted_seconds:.0f} s here. Raise --budget, or take "
        "--strategy auto."
    )


def _refuse_beside_auto(backbone: BackboneOptions) -> None:
    named = {"--random-weights": backbone.random_weights, "--architecture": backbone.architecture is not None}
    given = [option for option, there in named.items() if there]
    if given:
        raise UsageError(
            f"Expected --backbone auto to choose among pretrained backbones, but got {' and '.join(given)}; name a "
            "backbone, or leave that out."
        )


def _contradictions(strategy: Strategy, options: FitOptions) -> list[str]:
    found = []
    if strategy.weights == "random" and not options.scratch:
        found.append(
            f"Expected networks to be trained with --strategy {strategy.name}, but got --no-scratch; leave it out."
        )
    if options.boundary is not None and not (
        strategy.placement == "lowest affordable" and any(phase.boundary == CHOSEN for phase in strategy.phases)
    ):
        found.append(
            f"Expected --boundary only with --strategy partial, but got --strategy {strategy.name}; "
            "leave out one of them."
        )
    if options.adapt is not None and strategy.weights == "random":
        found.append(
            f"Expected --adapt only where pretrained weights are used, but got --strategy {strategy.name}; leave out "
            "one of them."
        )
    if options.head != "linear" and (strategy.phases or strategy.weights == "random"):
        found.append(
            f"Expected --head {options.head} only with --strategy probe, but got --strategy {strategy.name}; "
            "leave out one of them."
        )
    return found


def _out_of_range(options: FitOptions) -> list[str]:
    found = []
    for name, seconds in (("--budget", options.budget), ("--baseline-budget", options.baseline_budget)):
        if not (math.isfinite(seconds) and seconds > 0):
            found.append(f"Expected {name} to be a duration of more than 0, but got {seconds:g} s.")
    if options.views is not None and options.views < 0:
        found.append(f"Expected --views to be 0 (the items as they are) or more, but got {options.views}.")
    if options.workers < 0:
        found.append(f"Expected --workers to be 0 (threads) or more, but got {options.workers}.")
    return found
