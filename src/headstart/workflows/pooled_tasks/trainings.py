"""What is trained step by step: the plan's trainings from the solved head on, and the networks from random weights."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.data.items import SPLITS, Split
from headstart.evaluation.summed import SummedScore
from headstart.features.boundary_cache import Stopped, room_for
from headstart.transfer.heads import LinearHead
from headstart.transfer.strategy import Strategy, suited_to
from headstart.transfer.tuning_plan import LEAST_MEASURING, MEASURING, Sizes, TuningPlan, TuningStep, plan_tuning
from headstart.workflows.baselines import LazyInputs
from headstart.workflows.boundary_costs import boundary_costs
from headstart.workflows.pooled_tasks.examples import PooledExamples
from headstart.workflows.refusals import refuse_unaffordable
from headstart.workflows.step_examples import TuneOptions, training_examples
from headstart.workflows.trained_tasks.attempt import Attempt, seconds_of, transfer_attempt
from headstart.workflows.trained_tasks.scratch import train_opponent
from headstart.workflows.trained_tasks.setup import TrainingSetup

if TYPE_CHECKING:
    from headstart.backbones.preprocess import Preprocess
    from headstart.backbones.stages import StagedBackbone
    from headstart.evaluation.baselines import Architecture
    from headstart.training.examples import Examples as TrainingExamples
    from headstart.training.network import Network

#: So many training inputs say how to scale all of them.
_FITTED_TO, _BATCH = 2048, 256


@dataclass(frozen=True)
class Trainings:
    """All trainings of one fit.

    Attributes:
        examples: The examples.
        setup: How they are trained.
        workers: Worker processes that decode; 0 for threads.
    """

    examples: PooledExamples
    setup: TrainingSetup
    workers: int

    def plan(self, strategy: Strategy, *, budget: float, boundary: str | None) -> TuningPlan:
        """Which boundaries are trained at, for how long; stored, then followed.

        Raises:
            UsageError: The budget does not buy what was asked for.
        """

        def made() -> dict[str, Any]:
            found = boundary_costs(self.examples.as_learned, device=self.setup.where)
            costs = [cost for cost in found if boundary in (None, cost.boundary)]
            sizes = Sizes(len(self.examples.rows("train")), len(self.examples.rows("validation")), views=0)
            suited = suited_to(strategy, self.examples.base.backbone.card.stages)
            plan = plan_tuning(suited, costs, sizes, budget=budget, room_for=room_for)
            refuse_unaffordable(plan, strategy, budget=budget)
            return plan.to_json()

        return TuningPlan.from_json(self.setup.unfinished.once("tuning plan", made))

    def tune(self, step: TuningStep, head: LinearHead) -> Attempt | None:
        """One step of a plan, from the solved head on; ``None`` where somebody stopped it before it began."""
        setup = self.setup
        if not setup.may_begin(step.name):
            return None
        begun = time.perf_counter()
        options = TuneOptions(budget=0.0, views=0, workers=self.workers, seed=setup.seed, device=setup.where)
        network = setup.network(self.examples.base.backbone.load(), _state(head))
        entering = training_examples(
            self.examples.as_learned, step, admitted=(), options=options, stop=setup.stop, progress=setup.progress
        )
        try:
            with entering as (train, validation):
                trained = setup.trainer.train(
                    network,
                    step.phases,
                    train=train,
                    validation=validation,
                    work=setup.work(step.name),
                    measuring=max(LEAST_MEASURING, MEASURING * step.predicted_seconds),
                )
                reached = self.reached(network, validation, "validation")
        except Stopped:
            return None
        seconds = seconds_of(trained, begun=begun)
        return transfer_attempt(trained, step.name, step.strategy, seconds=seconds, validation=reached, step=step)

    def from_scratch(self, network: Architecture, *, budget: float) -> Attempt:
        """A network from random weights, judged on the test split once.

        Args:
            network: Which one.
            budget: Seconds of training, turned into epochs before it starts.
        """
        from headstart.transfer.strategy import SCRATCH

        def build_it() -> StagedBackbone:
            from headstart.backbones.architectures import build
            from headstart.backbones.splitting import split_for

            model = build(network.library, network.architecture, network.preprocess.size, seed=self.setup.seed)
            return split_for(model, network.preprocess)

        return train_opponent(
            self.setup,
            network.name,
            SCRATCH.phases[0],
            build=build_it,
            examples=lambda: self._whole_inputs(network.preprocess),
            score=self.reached,
            budget=budget,
            chance=self.examples.problem.chance(self.examples.targets_of("train")),
        )

    def score(self, answers: NDArray[np.float64], split: Split) -> SummedScore:
        """Metrics with intervals of some answers."""
        examples = self.examples
        targets, groups = examples.targets_of(split), examples.groups_of(split)
        return examples.problem.score(targets, answers, groups=groups, seed=self.setup.seed)

    def reached(self, network: Network, entering: TrainingExamples, split: Split) -> SummedScore:
        """What a network answers for a split, judged."""
        from headstart.training.inference import answers

        outputs = np.concatenate(answers(network, self.setup.task, entering))
        return self.score(self.examples.problem.answers(outputs), split)

    def _whole_inputs(self, preprocess: Preprocess) -> dict[Split, TrainingExamples]:
        """The splits as they enter a network whose first stage trains too."""
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
                device=self.setup.where,
            )

        return {split: entering(split) for split in SPLITS}


def _state(head: LinearHead) -> dict[str, NDArray[np.float32]]:
    """The state of a head that is trained on from where this one is: its temperature is in its weights."""
    state = {"weight": head.weight / head.temperature, "bias": head.bias / head.temperature}
    return {name: values.astype(np.float32) for name, values in state.items()}


def _some_of(inputs: LazyInputs, rows: NDArray[np.intp]) -> Iterator[NDArray[Any]]:
    """At most :data:`_FITTED_TO` inputs, evenly spaced, in batches."""
    some = rows[:: -(-len(rows) // _FITTED_TO)]
    for begin in range(0, len(some), _BATCH):
        yield inputs(some[begin : begin + _BATCH])
