"""What is trained step by step: the plan's trainings from the solved head on, and the networks from random weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError
from headstart.core.machine import training_device
from headstart.core.progress import Progress
from headstart.core.unfinished import UnfinishedRun
from headstart.data.items import Split
from headstart.evaluation.candidates import Candidate
from headstart.evaluation.summed import SummedScore
from headstart.features.boundary_cache import Stopped, room_for
from headstart.training.checkpoints import TrainingWork
from headstart.transfer.heads import LinearHead
from headstart.transfer.strategy import Strategy
from headstart.transfer.tuning_plan import LEAST_MEASURING, MEASURING, Sizes, TuningPlan, TuningStep, plan_tuning
from headstart.workflows.baselines import LazyInputs
from headstart.workflows.boundary_costs import boundary_costs
from headstart.workflows.pooled_tasks.examples import PooledExamples
from headstart.workflows.pooled_tasks.problem import Outputs
from headstart.workflows.step_examples import TuneOptions, training_examples
from headstart.workflows.token_tasks.trainings import Attempt

if TYPE_CHECKING:
    from headstart.backbones.preprocess import Preprocess
    from headstart.backbones.stages import StagedBackbone
    from headstart.evaluation.baselines import Architecture
    from headstart.training.examples import Examples as TrainingExamples
    from headstart.training.network import Network
    from headstart.transfer.token_training import Trainer

#: So many training inputs say how to scale all of them.
_FITTED_TO, _BATCH = 2048, 256


@dataclass(frozen=True)
class Trainings:
    """All trainings of one fit.

    Attributes:
        examples: The examples.
        seed: Of everything random.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        workers: Worker processes that decode; 0 for threads.
        unfinished: Where plans and trainings are kept until the run is whole.
        stop: Whether somebody asked to stop.
        listeners: Hear of every training step.
        progress: Hears how far it is.
    """

    examples: PooledExamples
    seed: int
    device: str
    workers: int
    unfinished: UnfinishedRun
    stop: Callable[[], bool]
    listeners: Sequence[Callable[[Mapping[str, Any]], None]]
    progress: Progress

    def plan(self, strategy: Strategy, *, budget: float, boundary: str | None) -> TuningPlan:
        """Which boundaries are trained at, for how long; stored, then followed.

        Raises:
            UsageError: The budget does not buy what was asked for.
        """

        def made() -> dict[str, Any]:
            found = boundary_costs(self.examples.as_learned, device=self.where)
            costs = [cost for cost in found if boundary in (None, cost.boundary)]
            sizes = Sizes(len(self.examples.rows("train")), len(self.examples.rows("validation")), views=0)
            plan = plan_tuning(strategy, costs, sizes, budget=budget, room_for=room_for)
            if not plan.steps and strategy.placement != "searched":
                cheapest = plan.unaffordable[0]
                raise UsageError(
                    f"Expected --budget to buy the training that --strategy {strategy.name} asks for, but "
                    f"{budget:.0f} s do not: {cheapest.name} would need about {cheapest.predicted_seconds:.0f} s here. "
                    "Raise --budget, or take --strategy auto."
                )
            return plan.to_json()

        return TuningPlan.from_json(self.unfinished.once("tuning plan", made))

    def tune(self, step: TuningStep, head: LinearHead) -> Attempt | None:
        """One step of a plan, from the solved head on; ``None`` where somebody stopped it before it began."""
        work = self.work(step.name)
        if self.stop() and not work.has_begun:
            return None
        begun = time.perf_counter()
        options = TuneOptions(budget=0.0, views=0, workers=self.workers, seed=self.seed, device=self.where)
        network = self.network(self.examples.base.backbone.load(), head)
        entering = training_examples(
            self.examples.as_learned, step, admitted=(), options=options, stop=self.stop, progress=self.progress
        )
        try:
            with entering as (train, validation):
                measuring = max(LEAST_MEASURING, MEASURING * step.predicted_seconds)
                trained = self.trainer.train(
                    network, step.phases, train=train, validation=validation, work=work, measuring=measuring
                )
                reached = self.score(self.outputs(network, validation), "validation")
        except Stopped:
            return None
        candidate = Candidate(
            name=step.name,
            strategy=step.strategy,
            kind="transfer",
            detail=trained.reason,
            seconds=max(time.perf_counter() - begun, trained.seconds),  # an earlier process may have done some of it
            epochs=trained.epochs,
            validation=reached,
        )
        return Attempt(candidate, trained, step, trained.held_out_loss)

    def from_scratch(self, network: Architecture, *, budget: float) -> Attempt:
        """A network from random weights, judged on the test split once.

        Args:
            network: Which one.
            budget: Seconds of training, turned into epochs before it starts.
        """
        from headstart.backbones.architectures import build
        from headstart.backbones.splitting import split_for
        from headstart.transfer.strategy import SCRATCH
        from headstart.workflows.pooled_tasks.convergence import judged, not_run

        begun, work = time.perf_counter(), self.work(network.name)
        if self.stop() and not work.has_begun:
            return not_run(network.name, "interrupted", budget)
        model = build(network.library, network.architecture, network.preprocess.size, seed=self.seed)
        new = self.network(split_for(model, network.preprocess))
        train, validation, test = self._whole_inputs(network.preprocess)
        trained = self.trainer.train_within(
            new, SCRATCH.phases[0], train=train, validation=validation, work=work, budget=budget
        )
        chance = self.examples.problem.chance(self.examples.targets_of("train"))
        attempt = judged(trained, network.name, budget=budget, chance=chance)
        if not trained.records:
            return attempt
        candidate = replace(
            attempt.candidate,
            seconds=max(time.perf_counter() - begun, trained.seconds),
            validation=self.score(self.outputs(new, validation), "validation"),
            test=self.score(self.outputs(new, test), "test"),
        )
        return replace(attempt, candidate=candidate).without_network()

    def score(self, outputs: Outputs, split: Split) -> SummedScore:
        """Metrics with intervals of what a network gives for a split."""
        return self.score_answers(self.examples.problem.answers(outputs), split)

    def score_answers(self, answers: NDArray[np.float64], split: Split) -> SummedScore:
        """Metrics with intervals of some answers."""
        examples = self.examples
        targets, groups = examples.targets_of(split), examples.groups_of(split)
        return examples.problem.score(targets, answers, groups=groups, seed=self.seed)

    def outputs(self, network: Network, entering: TrainingExamples) -> Outputs:
        """What a network gives for some examples, ``(N, K)``."""
        from headstart.training.inference import answers

        return np.concatenate(answers(network, self.examples.problem.task(), entering))

    def network(self, backbone: StagedBackbone, head: LinearHead | None = None) -> Network:
        """A network with a head drawn from the seed, or with one that answers exactly as the given one does."""
        import torch

        from headstart.training.network import Network

        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            network = Network(backbone, self.examples.problem.task().build_head(backbone))
        if head is not None:
            state = {"weight": head.weight / head.temperature, "bias": head.bias / head.temperature}
            network.head.load_state_dict(
                {name: torch.from_numpy(values.astype(np.float32)) for name, values in state.items()}
            )
        return network.to(self.where)

    def work(self, name: str) -> TrainingWork:
        """Where a training keeps what it needs to be taken up again."""
        return TrainingWork(self.unfinished.folder(name), self.stop, tuple(self.listeners), name)

    @cached_property
    def trainer(self) -> Trainer:
        """Trains networks for this task."""
        from headstart.transfer.token_training import Trainer

        return Trainer(self.examples.problem.task(), self.seed, self.progress)

    @property
    def where(self) -> str:
        """``"cpu"`` or ``"cuda"``."""
        return training_device(self.device)

    def _whole_inputs(self, preprocess: Preprocess) -> tuple[TrainingExamples, TrainingExamples, TrainingExamples]:
        """Training, validation and test examples for a network whose first stage trains too."""
        from headstart.training.activations import InputExamples

        base, problem = self.examples.base, self.examples.problem
        inputs = LazyInputs(base.arranged.items, lambda content: base.modality.prepare(content, preprocess).inputs)
        fitted = preprocess.fitted_to(_some_of(inputs, self.examples.rows("train")))
        jitter = base.modality.jitter if problem.label_survives_jitter else None

        def entering(split: Split) -> InputExamples:
            rows = self.examples.rows(split)
            return InputExamples(
                lambda places, _: inputs(rows[places]),
                self.examples.as_learned.arranged.labels[rows],
                preprocess=fitted,
                jitter=jitter,
                device=self.where,
            )

        return entering("train"), entering("validation"), entering("test")


def _some_of(inputs: LazyInputs, rows: NDArray[np.intp]) -> Iterator[NDArray[Any]]:
    """At most :data:`_FITTED_TO` inputs, evenly spaced, in batches."""
    some = rows[:: -(-len(rows) // _FITTED_TO)]
    for begin in range(0, len(some), _BATCH):
        yield inputs(some[begin : begin + _BATCH])
