"""The trainings of a fit on tokens: the head on frozen features, then lower and lower boundaries."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from headstart.backbones.token_features import without_pooling
from headstart.data.items import SPLITS, Split
from headstart.evaluation.summed import SummedScore, measured
from headstart.features.boundary_cache import Stopped, room_for
from headstart.transfer.strategy import Strategy
from headstart.transfer.tuning_plan import (
    LEAST_MEASURING,
    MEASURING,
    Below,
    Sizes,
    TuningPlan,
    TuningStep,
    plan_tuning,
)
from headstart.workflows.refusals import refuse_unaffordable
from headstart.workflows.token_tasks.costs import boundary_costs
from headstart.workflows.token_tasks.entering import Frozen, TargetedWindows
from headstart.workflows.token_tasks.examples import TokenExamples
from headstart.workflows.token_tasks.model import answers_from, summands_of
from headstart.workflows.trained_tasks.attempt import Attempt, seconds_of, transfer_attempt
from headstart.workflows.trained_tasks.scratch import train_opponent
from headstart.workflows.trained_tasks.setup import TrainingSetup

if TYPE_CHECKING:
    from headstart.backbones.stages import StagedBackbone
    from headstart.training.examples import Examples
    from headstart.training.network import Network

FROZEN = "frozen head"
LEARNED: tuple[Split, Split] = ("train", "validation")


@dataclass(frozen=True)
class Trainings:
    """All trainings of one fit.

    Attributes:
        examples: The examples.
        setup: How they are trained.
    """

    examples: TokenExamples
    setup: TrainingSetup

    def frozen_head(self) -> Attempt:
        """The head alone, on features that were computed once."""
        from headstart.transfer.token_phases import HEAD

        begun = time.perf_counter()
        top = self.examples.backbone.card.top.name
        train, validation = (self.entering(split, top, "cached") for split in LEARNED)
        network = self.setup.network(self._backbone())
        trained = self.setup.trainer.train(
            network, [HEAD], train=train, validation=validation, work=self.setup.work(FROZEN)
        )
        return transfer_attempt(
            trained,
            FROZEN,
            "probe",
            seconds=seconds_of(trained, begun=begun),
            validation=self.reached(network, validation, "validation"),
        )

    def plan(self, strategy: Strategy, *, budget: float, boundary: str | None) -> TuningPlan:
        """Which boundaries are trained at, for how long; stored, then followed.

        Raises:
            UsageError: The budget does not buy what was asked for.
        """
        from headstart.transfer.token_phases import for_tokens

        def made() -> dict[str, Any]:
            found = boundary_costs(self.examples, self.windows("train").windows, device=self.setup.where)
            costs = [cost for cost in found if boundary in (None, cost.boundary)]
            sizes = Sizes(len(self.windows("train").targets), len(self.windows("validation").targets), views=0)
            plan = plan_tuning(for_tokens(strategy), costs, sizes, budget=budget, room_for=room_for)
            refuse_unaffordable(plan, strategy, budget=budget)
            return plan.to_json()

        return TuningPlan.from_json(self.setup.unfinished.once("tuning plan", made))

    def tune(self, step: TuningStep, head: Mapping[str, NDArray[Any]]) -> Attempt | None:
        """One step of a plan, from the frozen head on; ``None`` where somebody stopped it before it began."""
        if not self.setup.may_begin(step.name):
            return None
        begun = time.perf_counter()
        try:
            train, validation = (self.entering(split, step.boundary, step.below) for split in LEARNED)
        except Stopped:
            return None
        network = self.setup.network(self._backbone(), head)
        trained = self.setup.trainer.train(
            network,
            step.phases,
            train=train,
            validation=validation,
            work=self.setup.work(step.name),
            measuring=max(LEAST_MEASURING, MEASURING * step.predicted_seconds),
        )
        return transfer_attempt(
            trained,
            step.name,
            step.strategy,
            seconds=seconds_of(trained, begun=begun),
            validation=self.reached(network, validation, "validation"),
            step=step,
        )

    def from_scratch(self, *, budget: float) -> Attempt:
        """The backbone's architecture from random weights, judged on the test split once.

        Args:
            budget: Seconds of training, turned into epochs before it starts.
        """
        from headstart.evaluation.baselines import SAME_ARCHITECTURE
        from headstart.transfer.token_phases import SCRATCH

        return train_opponent(
            self.setup,
            SAME_ARCHITECTURE,
            SCRATCH,
            build=self._random_backbone,
            examples=lambda: {split: self.entering(split, "bottom", "nothing") for split in SPLITS},
            score=self.reached,
            budget=budget,
            chance=self.examples.problem.chance(self.windows("train").targets),
        )

    def windows(self, split: Split) -> TargetedWindows:
        """A split's windows and their targets, made once."""
        return self._windows[split]

    def score(self, answers: Sequence[Any], split: Split) -> SummedScore:
        """Metrics with intervals of some answers."""
        examples = self.examples
        summands = summands_of(examples.problem, examples.of(split), answers)
        metrics = measured(summands, examples.problem.metrics, groups=examples.groups(split), seed=self.setup.seed)
        return SummedScore(summands, metrics)

    def entering(self, split: Split, boundary: str, below: Below) -> Examples:
        """A split's windows as they enter at a boundary.

        Raises:
            Stopped: Somebody asked to stop while a cache was filled.
        """
        return self._frozen.entering(self.windows(split), boundary, below)

    def reached(self, network: Network, entering: Examples, split: Split) -> SummedScore:
        """What a network answers for the windows of a split, judged."""
        from headstart.training.inference import answers

        logits = [found for batch in answers(network, self.setup.task, entering) for found in batch]
        items = self.examples.of(split)
        return self.score(answers_from(self.examples.problem, items, self.windows(split).windows, logits), split)

    @cached_property
    def _windows(self) -> dict[Split, TargetedWindows]:
        problem, spec = self.examples.problem, self.examples.backbone.card.preprocess
        splits: tuple[Split, ...] = ("train", "validation", "test")
        return {split: TargetedWindows.of(problem, self.examples.of(split), spec) for split in splits}

    @cached_property
    def _frozen(self) -> Frozen:
        examples, setup = self.examples, self.setup
        return Frozen(examples.backbone, examples.choice.spec, setup.where, setup.progress, setup.stop)

    def _backbone(self) -> StagedBackbone:
        return without_pooling(self.examples.backbone.load())

    def _random_backbone(self) -> StagedBackbone:
        from headstart.backbones.architectures import build
        from headstart.backbones.splitting import parts_of
        from headstart.backbones.stages import StagedBackbone

        card = self.examples.backbone.card
        model = build(card.library, card.architecture, card.preprocess.size, seed=self.setup.seed)
        return without_pooling(StagedBackbone(model, parts_of(model), card.stages))
