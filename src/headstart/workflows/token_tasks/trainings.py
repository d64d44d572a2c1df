"""The trainings of a fit on tokens: the head on frozen features, then lower and lower boundaries."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from headstart.backbones.token_features import without_pooling
from headstart.core.errors import UsageError
from headstart.core.machine import training_device
from headstart.core.progress import Progress
from headstart.core.unfinished import UnfinishedRun
from headstart.data.items import Split
from headstart.evaluation.candidates import Candidate, Kind
from headstart.evaluation.summed import SummedScore, measured
from headstart.features.boundary_cache import Stopped, room_for
from headstart.training.checkpoints import TrainingWork
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
from headstart.workflows.token_tasks.costs import boundary_costs
from headstart.workflows.token_tasks.entering import Frozen, TargetedWindows
from headstart.workflows.token_tasks.examples import TokenExamples
from headstart.workflows.token_tasks.model import answers_from, summands_of

if TYPE_CHECKING:
    from headstart.backbones.stages import StagedBackbone
    from headstart.training.examples import Examples
    from headstart.training.network import Network
    from headstart.transfer.token_training import Trained, Trainer

FROZEN = "frozen head"
LEARNED: tuple[Split, Split] = ("train", "validation")


@dataclass(frozen=True, eq=False)
class Attempt:
    """A training and what it reached on validation.

    Attributes:
        candidate: Its figures.
        trained: What the training came to; ``None`` where it was not begun.
        step: What was planned, where it is one of the plan's.
        held_out_loss: The task's own loss on validation, by which its best epoch was chosen.
    """

    candidate: Candidate
    trained: Trained | None
    step: TuningStep | None = None
    held_out_loss: float = float("inf")

    def without_network(self) -> Attempt:
        """The same, but for the network: many of them may be more than memory holds."""
        return self if self.trained is None else replace(self, trained=replace(self.trained, network=None))


@dataclass(frozen=True)
class Trainings:
    """All trainings of one fit.

    Attributes:
        examples: The examples.
        seed: Of everything random.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        unfinished: Where plans and trainings are kept until the run is whole.
        stop: Whether somebody asked to stop.
        listeners: Hear of every training step.
        progress: Hears how far it is.
    """

    examples: TokenExamples
    seed: int
    device: str
    unfinished: UnfinishedRun
    stop: Callable[[], bool]
    listeners: Sequence[Callable[[Mapping[str, Any]], None]]
    progress: Progress

    def frozen_head(self) -> Attempt:
        """The head alone, on features that were computed once."""
        from headstart.transfer.token_training import HEAD

        begun = time.perf_counter()
        top = self.examples.backbone.card.top.name
        train, validation = (self.entering(split, top, "cached") for split in LEARNED)
        network = self.network(self._backbone())
        trained = self.trainer.train(network, [HEAD], train=train, validation=validation, work=self.work(FROZEN))
        return self.attempt(FROZEN, "probe", network, trained, begun=begun, entering=validation)

    def plan(self, strategy: Strategy, *, budget: float, boundary: str | None) -> TuningPlan:
        """Which boundaries are trained at, for how long; stored, then followed.

        Raises:
            UsageError: The budget does not buy what was asked for.
        """
        from headstart.transfer.token_training import for_tokens

        def made() -> dict[str, Any]:
            costs = [
                cost
                for cost in boundary_costs(self.examples, self.windows("train").windows, device=self._where)
                if boundary in (None, cost.boundary)
            ]
            sizes = Sizes(len(self.windows("train").targets), len(self.windows("validation").targets), views=0)
            found = plan_tuning(for_tokens(strategy), costs, sizes, budget=budget, room_for=room_for)
            if not found.steps and strategy.placement != "searched":
                cheapest = found.unaffordable[0]
                raise UsageError(
                    f"Expected --budget to buy the training that --strategy {strategy.name} asks for, but "
                    f"{budget:.0f} s do not: {cheapest.name} would need about {cheapest.predicted_seconds:.0f} s here. "
                    "Raise --budget, or take --strategy auto."
                )
            return found.to_json()

        return TuningPlan.from_json(self.unfinished.once("tuning plan", made))

    def tune(self, step: TuningStep, head: Mapping[str, NDArray[Any]]) -> Attempt | None:
        """One step of a plan, from the frozen head on; ``None`` where somebody stopped it before it began."""
        work = self.work(step.name)
        if self.stop() and not work.has_begun:
            return None
        begun = time.perf_counter()
        try:
            train, validation = (self.entering(split, step.boundary, step.below) for split in LEARNED)
        except Stopped:
            return None
        network = self.network(self._backbone(), head)
        seconds = max(LEAST_MEASURING, MEASURING * step.predicted_seconds)
        trained = self.trainer.train(
            network, step.phases, train=train, validation=validation, work=work, measuring=seconds
        )
        found = self.attempt(step.name, step.strategy, network, trained, begun=begun, entering=validation)
        return replace(found, step=step)

    def windows(self, split: Split) -> TargetedWindows:
        """A split's windows and their targets, made once."""
        return self._windows[split]

    def score(self, answers: Sequence[Any], split: Split) -> SummedScore:
        """Metrics with intervals of some answers."""
        examples = self.examples
        summands = summands_of(examples.problem, examples.of(split), answers)
        metrics = measured(summands, examples.problem.metrics, groups=examples.groups(split), seed=self.seed)
        return SummedScore(summands, metrics)

    def entering(self, split: Split, boundary: str, below: Below) -> Examples:
        """A split's windows as they enter at a boundary.

        Raises:
            Stopped: Somebody asked to stop while a cache was filled.
        """
        return self._frozen.entering(self.windows(split), boundary, below)

    def network(self, backbone: StagedBackbone, head: Mapping[str, NDArray[Any]] | None = None) -> Network:
        """A network with a new head, drawn from the seed, or with one that is given."""
        import torch

        from headstart.training.network import Network

        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            network = Network(backbone, self.examples.problem.task().build_head(backbone))
        if head is not None:
            network.head.load_state_dict({name: torch.from_numpy(values) for name, values in head.items()})
        return network.to(self._where)

    def work(self, name: str) -> TrainingWork:
        """Where a training keeps what it needs to be taken up again."""
        return TrainingWork(self.unfinished.folder(name), self.stop, tuple(self.listeners), name)

    @cached_property
    def trainer(self) -> Trainer:
        """Trains networks for this task."""
        from headstart.transfer.token_training import Trainer

        return Trainer(self.examples.problem.task(), self.seed, self.progress)

    def attempt(
        self,
        name: str,
        strategy: str,
        network: Network,
        trained: Trained,
        *,
        begun: float,
        kind: Kind = "transfer",
        entering: Examples,
    ) -> Attempt:
        """What a training came to, with its figures on validation.

        Args:
            name: What a person calls it.
            strategy: How it was trained, as a user writes it.
            network: In its best state.
            trained: The training.
            begun: When, by the performance counter.
            kind: Whether it rests on pretrained weights.
            entering: The validation windows as they enter the network.
        """
        candidate = Candidate(
            name=name,
            strategy=strategy,
            kind=kind,
            detail=trained.reason,
            seconds=max(time.perf_counter() - begun, trained.seconds),  # an earlier process may have done some of it
            epochs=trained.epochs,
            validation=self.reached(network, entering, "validation"),
        )
        return Attempt(candidate, trained, held_out_loss=trained.held_out_loss)

    def reached(self, network: Network, entering: Examples, split: Split) -> SummedScore:
        """What a network answers for the windows of a split, judged."""
        from headstart.training.inference import answers

        logits = [found for batch in answers(network, self.examples.problem.task(), entering) for found in batch]
        items = self.examples.of(split)
        return self.score(answers_from(self.examples.problem, items, self.windows(split).windows, logits), split)

    @cached_property
    def _windows(self) -> dict[Split, TargetedWindows]:
        problem, spec = self.examples.problem, self.examples.backbone.card.preprocess
        splits: tuple[Split, ...] = ("train", "validation", "test")
        return {split: TargetedWindows.of(problem, self.examples.of(split), spec) for split in splits}

    @cached_property
    def _frozen(self) -> Frozen:
        examples = self.examples
        return Frozen(examples.backbone, examples.choice.spec, self._where, self.progress, self.stop)

    @property
    def _where(self) -> str:
        return training_device(self.device)

    def _backbone(self) -> StagedBackbone:
        return without_pooling(self.examples.backbone.load())
