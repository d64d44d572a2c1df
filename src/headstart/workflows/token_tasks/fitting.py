"""One fit on tokens in progress: from the frozen head to the saved, judged run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.core.assets import asset
from headstart.core.errors import UsageError
from headstart.core.progress import Progress, Stopwatch
from headstart.core.run_folder import RunFolder, publish_run
from headstart.data.items import Split
from headstart.evaluation.candidates import Candidate
from headstart.evaluation.summed import SummedScore
from headstart.features.boundary_cache import Stopped
from headstart.tasks.token_problem import PlainAnswers
from headstart.transfer.heads import LinearHead
from headstart.transfer.strategy import STRATEGIES, Strategy
from headstart.workflows.arrange import DataOptions
from headstart.workflows.fitted import saved_linear_head
from headstart.workflows.resumable import log_lines
from headstart.workflows.token_tasks.conversion import saved_model
from headstart.workflows.token_tasks.examples import TokenExamples
from headstart.workflows.token_tasks.judgement import verdict_of
from headstart.workflows.token_tasks.model import TokenModel, answers_of
from headstart.workflows.token_tasks.record import decided, evidence_record, manifest_record, metrics_record
from headstart.workflows.token_tasks.trainings import Trainings
from headstart.workflows.token_tasks.tried import Tried
from headstart.workflows.trained_tasks.attempt import Attempt
from headstart.workflows.trained_tasks.tuning import Tuning, follow

if TYPE_CHECKING:
    from headstart.workflows.fit import FitOptions


_NOTHING_YET = (
    "Interrupted before the head on frozen features had learned anything: there is nothing to save yet. The same "
    "command goes on."
)


@dataclass(frozen=True)
class TokenFitting:
    """The steps of one fit, in the order in which they are read.

    Attributes:
        examples: The examples.
        options: How to fit.
        trainings: All that is trained.
        watch: Where the seconds per step are kept.
        progress: Who is told how far it is.
    """

    examples: TokenExamples
    options: FitOptions
    trainings: Trainings
    watch: Stopwatch
    progress: Progress

    @property
    def strategy(self) -> Strategy:
        """What was asked for."""
        return STRATEGIES[self.options.strategy]

    def run(self, target: Path, data: DataOptions, decorate: Callable[[Path], None]) -> RunFolder:
        """All of it."""
        tried = self._tried()
        with self.watch.step("conversion"):
            model = saved_model(tried.best, self.examples, device=self.trainings.setup.device, progress=self.progress)
        self.progress.start("save")
        run = publish_run(
            target,
            tensors=model.tensors(),
            manifest=manifest_record(self.examples, model, data, seed=self.options.seed, command=self.options.command),
            measure=lambda folder: self._measured(tried, model, folder, target),
            decorate=decorate,
            log=lambda: log_lines(self.trainings.setup.unfinished, self.watch),
            assets={sha256: asset(sha256) for sha256 in model.backbone.card.preprocess.assets.values()},
            replace=True,
        )
        self.progress.start("save")  # measuring has had lines of its own
        self.progress.finish(str(target))
        return run

    def _tried(self) -> Tried:
        """Everything that is trained or fitted, before any test label is looked at."""
        with self.watch.step("probe"):
            frozen = self._frozen_head()
        tuning = self._tuning(frozen)
        with self.watch.step("plain baseline"):
            plain = self._plain()
        scratch = []
        if self.options.scratch:
            with self.watch.step("trained baselines"):
                scratch = [self.trainings.from_scratch(budget=self.options.baseline_budget)]
        return Tried(frozen, tuning, plain, tuple(scratch))

    def _measured(
        self, tried: Tried, model: TokenModel, folder: Path, target: Path
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Metrics and evidence of what was saved in a folder."""
        with self.watch.step("judge"):
            head = saved_linear_head(folder)
            answers = self._answers(model, head, "test")
            saved = self._as_saved(tried.best.candidate, model, head, answers)
            probe = saved if tried.best is tried.frozen else self._probe_on_test(tried.frozen)
            verdict = verdict_of(self.examples, saved, tried.baselines, seed=self.options.seed)
        others = [probe, *(attempt.candidate for attempt in tried.tuned), *tried.baselines]
        candidates = [saved, *(other for other in others if other.name != saved.name)]
        record = metrics_record(
            self.examples, model, candidates, verdict=verdict, answers=answers, watch=self.watch, target=target
        )
        decision = {}
        if tried.tuning:
            decision["decision"] = decided(tried.tuning, saved, probe, self.examples, options=self.options)
        evidence = evidence_record(self.examples, answers, tried.curves())
        return {**record, "interrupted": self.trainings.setup.stop(), **decision}, evidence

    def _frozen_head(self) -> Attempt:
        try:
            frozen = self.trainings.frozen_head()
        except Stopped:
            raise UsageError(_NOTHING_YET) from None
        if frozen.trained is None or not frozen.trained.moved:
            raise UsageError(
                _NOTHING_YET
                if self.trainings.setup.stop()
                else f"Expected the head on frozen features to learn, but it did not: {frozen.candidate.detail}."
            )
        return frozen

    def _tuning(self, frozen: Attempt) -> Tuning | None:
        """The trainings above a boundary, where the strategy has any."""
        if not self.strategy.phases or frozen.trained is None:
            return None
        with self.watch.step("tuning"):
            self.progress.start("plan")
            plan = self.trainings.plan(self.strategy, budget=self.options.budget, boundary=self.options.boundary)
            self.progress.finish(plan.summary)
            head = frozen.trained.arrays()[1]
            return follow(
                plan,
                lambda step: self.trainings.tune(step, head),
                frozen=frozen,
                strategy=self.strategy,
                metric=self.examples.problem.metrics.leading,
            )

    def _plain(self) -> Candidate:
        """What can be had without any network."""
        plain: PlainAnswers = self.examples.problem.plain(self.examples.of("train"))

        def reached(split: Split) -> SummedScore:
            return self.trainings.score([plain.answer(item) for item in self.examples.of(split)], split)

        return Candidate(
            plain.name,
            "plain",
            "baseline",
            detail=plain.detail,
            validation=reached("validation"),
            test=reached("test"),
        )

    def _answers(self, model: TokenModel, head: LinearHead, split: Split) -> list[Any]:
        return answers_of(
            self.examples.problem,
            self.examples.of(split),
            backbone=model.backbone,
            spec=model.choice.spec,
            head=head,
            progress=self.progress,
        )

    def _as_saved(self, candidate: Candidate, model: TokenModel, head: LinearHead, answers: Sequence[Any]) -> Candidate:
        """A candidate with the figures of the form in which it is saved."""
        return replace(
            candidate,
            validation=self.trainings.score(self._answers(model, head, "validation"), "validation"),
            test=self.trainings.score(answers, "test"),
        )

    def _probe_on_test(self, frozen: Attempt) -> Candidate:
        model = saved_model(frozen, self.examples, device=self.trainings.setup.device, progress=self.progress)
        return self._as_saved(frozen.candidate, model, model.head, self._answers(model, model.head, "test"))
