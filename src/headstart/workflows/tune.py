"""The boundary moves down while the budget lasts: a stored plan of trainings, and the record of what each brought.

    probe ─► costs ─► plan (stored) ─► step, step, step ... ─► the best by validation, the probe among them
                                         │
                                         └─ boundary cache ─► loop ─► validation

Nothing here looks at a test label.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from headstart.core.progress import Progress
from headstart.core.unfinished import UnfinishedRun
from headstart.evaluation.candidates import Candidate, strongest
from headstart.features.boundary_cache import Stopped, room_for
from headstart.metrics.temperature import calibrated
from headstart.transfer.heads import LinearHead
from headstart.transfer.strategy import Strategy, suited_to
from headstart.transfer.tuning_plan import Sizes, TuningPlan, TuningStep, plan_tuning
from headstart.workflows.boundary_costs import boundary_costs
from headstart.workflows.gather import Examples
from headstart.workflows.invariances import InvarianceCheck, check_invariances
from headstart.workflows.judgement import score_candidate
from headstart.workflows.refusals import refuse_unaffordable
from headstart.workflows.step_examples import TuneOptions, training_examples

if TYPE_CHECKING:
    from headstart.transfer.tuning import Tuned


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one step of the plan brought.

    Attributes:
        step: What was planned.
        tuned: What the training came to; ``None`` where it was not begun. Only the best keeps its network.
        candidate: The same as a scored candidate; ``None`` where no epoch was kept.
        seconds: What it took, its share of filling the cache included.
        why_not: Why it was not begun.
    """

    step: TuningStep
    tuned: Tuned | None = None
    candidate: Candidate | None = None
    seconds: float | None = None
    why_not: str = ""


@dataclass(frozen=True, eq=False)
class Tuning:
    """What tuning came to.

    Attributes:
        plan: What was planned.
        outcomes: One per planned step, in order.
        invariances: Which changes training was allowed to make.
        ended: Why it stopped, in a sentence.
        best: The outcome that is to be saved; ``None`` where no training brought one that is better than the probe.
    """

    plan: TuningPlan
    outcomes: tuple[Outcome, ...]
    invariances: tuple[InvarianceCheck, ...]
    ended: str
    best: Outcome | None

    @property
    def begun(self) -> list[Tuned]:
        """The trainings that were begun."""
        return [outcome.tuned for outcome in self.outcomes if outcome.tuned]

    @property
    def candidates(self) -> list[Candidate]:
        """What the trainings came to, as candidates."""
        return [outcome.candidate for outcome in self.outcomes if outcome.candidate]


class Tuner:
    """Plans and runs the trainings of a strategy.

    Args:
        examples: The examples.
        strategy: With phases, on pretrained weights.
        head: The probe's, where every training begins.
        probe: The probe as a candidate that is scored on validation; see :func:`on_equal_terms`.
        options: How to tune.
        unfinished: Where plan and trainings are kept until the run is whole.
        stop: Whether somebody asked to stop.
        listeners: Hear of every training step.
        progress: Hears how far it is.
    """

    def __init__(
        self,
        examples: Examples,
        strategy: Strategy,
        head: LinearHead,
        *,
        probe: Candidate,
        options: TuneOptions,
        unfinished: UnfinishedRun,
        stop: Callable[[], bool],
        listeners: Sequence[Callable[[Mapping[str, Any]], None]] = (),
        progress: Progress,
    ) -> None:
        self._examples, self._strategy, self._head = examples, strategy, head
        self._probe, self._options, self._unfinished, self._progress = probe, options, unfinished, progress
        self._stop, self._listeners = stop, tuple(listeners)

    def run(self) -> Tuning:
        """The whole plan, until it is done or somebody interrupts.

        Raises:
            UsageError: The budget does not buy what was asked for.
        """
        if self._searches and accuracy_of(self._probe) == 1:
            ended = "The probe is right about every validation item: nothing is left to gain that could be measured."
            self._progress.say(ended)
            return Tuning(TuningPlan((), ()), (), (), ended, None)
        checks = [InvarianceCheck(**values) for values in self._unfinished.once("invariances", self._check_invariances)]
        plan = TuningPlan.from_json(self._unfinished.once("tuning plan", lambda: self._plan().to_json()))
        self._announce(plan)
        admitted = tuple(check.name for check in checks if check.admitted)
        outcomes: list[Outcome] = []
        for number, step in enumerate(plan.steps, start=1):
            outcomes = self._with_best_network([*outcomes, self._run_step(number, step, admitted)])
        ended = _why_ended(plan, outcomes, budget=self._options.budget, interrupted=self._stop())
        return Tuning(plan, tuple(outcomes), tuple(checks), ended, self._best(outcomes))

    @property
    def _searches(self) -> bool:
        return self._strategy.placement == "searched"

    def _best(self, outcomes: Sequence[Outcome]) -> Outcome | None:
        """The best on validation; where the strategy searches, of those that are better than the probe."""
        there = [
            (outcome, outcome.candidate)
            for outcome in outcomes
            if outcome.candidate and (not self._searches or is_better(outcome.candidate, self._probe))
        ]
        winner = strongest([candidate for _, candidate in there])
        return next((outcome for outcome, candidate in there if candidate is winner), None)

    def _with_best_network(self, outcomes: list[Outcome]) -> list[Outcome]:
        """Lets go of the networks that are not the best so far: many of them may be more than memory holds."""
        best = self._best(outcomes)
        return [
            outcome
            if outcome is best or outcome.tuned is None
            else replace(outcome, tuned=replace(outcome.tuned, network=None))
            for outcome in outcomes
        ]

    def _check_invariances(self) -> list[dict[str, Any]]:
        if not self._options.views or not self._examples.modality.invariances:
            return []
        self._progress.start("invariances")
        checks = check_invariances(self._examples, self._head)
        self._progress.finish(
            "; ".join(
                f"{check.name}: {check.accuracy:.1%} against {check.unchanged_accuracy:.1%}, "
                f"{'used' if check.admitted else 'not used'}"
                for check in checks
            )
        )
        return [check.to_json() for check in checks]

    def _plan(self) -> TuningPlan:
        self._progress.start("plan")
        costs = boundary_costs(self._examples, device=self._options.device)
        if (named := self._options.boundary) is not None:
            costs = [cost for cost in costs if cost.boundary == named]
        arranged = self._examples.arranged
        sizes = Sizes(len(arranged.rows("train")), len(arranged.rows("validation")), self._options.views)
        strategy = suited_to(self._strategy, self._examples.backbone.card.stages)
        plan = plan_tuning(strategy, costs, sizes, budget=self._options.budget, room_for=room_for)
        refuse_unaffordable(plan, self._strategy, budget=self._options.budget)
        self._progress.finish(plan.summary)
        return plan

    def _announce(self, plan: TuningPlan) -> None:
        for step in plan.steps:
            below = "" if step.below == "nothing" else f", {step.share_below:.0%} of the forward pass {step.below}"
            self._progress.say(f"  {step.name}: {step.epochs} epochs, about {step.predicted_seconds:.0f} s{below}")

    def _run_step(self, number: int, step: TuningStep, admitted: tuple[str, ...]) -> Outcome:
        from headstart.training.checkpoints import TrainingWork
        from headstart.transfer.tuning import network_from_probe, tune_network

        work = TrainingWork(self._unfinished.folder(f"tuning {number:02d}"), self._stop, self._listeners, step.name)
        if self._stop() and not work.has_begun:
            return Outcome(step, why_not="interrupted before it began")
        begun = time.perf_counter()
        backbone = self._examples.backbone.load().to(self._options.device)
        network = network_from_probe(backbone, self._head).to(self._options.device)
        try:
            with training_examples(
                self._examples, step, admitted=admitted, options=self._options, stop=self._stop, progress=self._progress
            ) as (train, validation):
                tuned = tune_network(
                    step,
                    network,
                    train=train,
                    validation=validation,
                    seed=self._options.seed,
                    work=work,
                    progress=self._progress,
                )
        except Stopped:
            return Outcome(step, why_not="interrupted while its cache was filled")
        # An earlier process may have done some of it.
        seconds = max(time.perf_counter() - begun, tuned.epoch_seconds)
        return Outcome(step, tuned, self._candidate(tuned, seconds) if tuned.moved else None, seconds)

    def _candidate(self, tuned: Tuned, seconds: float) -> Candidate:
        candidate = Candidate(
            name=tuned.step.name,
            strategy=tuned.step.strategy,
            kind="transfer",
            detail=tuned.reason,
            seconds=seconds,
            budget_seconds=self._options.budget,
            epochs=sum(len(record.epochs) for record in tuned.records),
            validation_probabilities=tuned.validation_probabilities,
        )
        return on_equal_terms(candidate, self._examples, seed=self._options.seed)


def on_equal_terms(candidate: Candidate, examples: Examples, *, seed: int) -> Candidate:
    """A candidate scored on validation alone, at the temperature that suits it best there.

    Every candidate gets its temperature from the items that it is compared on, so that none has an advantage of it;
    test probabilities stay out of it until the saved model is judged.
    """
    probabilities = candidate.validation_probabilities
    if probabilities is not None:
        labels = examples.arranged.labels[examples.arranged.rows("validation")]
        candidate = replace(candidate, validation_probabilities=calibrated(probabilities, labels))
    return score_candidate(replace(candidate, test_probabilities=None), examples, seed=seed)


def is_better(challenger: Candidate, champion: Candidate) -> bool:
    """As many right answers or more, and a lower log loss: on a small split either alone is often luck."""
    if challenger.validation is None or champion.validation is None:
        return False
    ours, theirs = challenger.validation.metrics["log_loss"].value, champion.validation.metrics["log_loss"].value
    return accuracy_of(challenger) >= accuracy_of(champion) and ours < theirs


def accuracy_of(candidate: Candidate) -> float:
    """On validation; 0 where it was not scored."""
    return candidate.validation.metrics["accuracy"].value if candidate.validation else 0.0


def _why_ended(plan: TuningPlan, outcomes: Sequence[Outcome], *, budget: float, interrupted: bool) -> str:
    if not plan.steps:
        cheapest = plan.unaffordable[0]
        return (
            f"The budget of {budget:.0f} s bought no training: the cheapest, {cheapest.name}, would need about "
            f"{cheapest.predicted_seconds:.0f} s."
        )
    done = sum(outcome.tuned is not None for outcome in outcomes)
    if interrupted:
        return f"Interrupted after {done} of {len(plan.steps)} trainings had begun."
    left = f"; {len(plan.unaffordable)} more did not fit into the budget" if plan.unaffordable else ""
    planned = "The planned training was" if len(plan.steps) == 1 else f"All {len(plan.steps)} planned trainings were"
    return f"{planned} done{left}."
