"""One fit on whole items in progress: from the solved head to the saved, judged run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from headstart.core.assets import asset
from headstart.core.errors import DataError
from headstart.core.progress import Progress, Stopwatch
from headstart.core.run_folder import RunFolder, publish_run
from headstart.transfer.heads import LinearHead
from headstart.transfer.strategy import STRATEGIES, Strategy
from headstart.workflows.arrange import DataOptions
from headstart.workflows.decision import curve
from headstart.workflows.fitted import Fitted, saved_linear_head
from headstart.workflows.pooled_tasks.candidates import linear_probe
from headstart.workflows.pooled_tasks.choice import choose, probe_loss
from headstart.workflows.pooled_tasks.examples import PooledExamples
from headstart.workflows.pooled_tasks.plain import plain_baselines
from headstart.workflows.pooled_tasks.problem import outputs_of
from headstart.workflows.pooled_tasks.record import decided, judged_record
from headstart.workflows.pooled_tasks.trainings import Trainings
from headstart.workflows.record import manifest_record, metrics_record
from headstart.workflows.resumable import log_lines
from headstart.workflows.stage_comparison import compare_stages
from headstart.workflows.trained_tasks.attempt import Attempt
from headstart.workflows.trained_tasks.tuning import Tuning, follow

if TYPE_CHECKING:
    from headstart.workflows.fit import FitOptions


@dataclass(frozen=True)
class PooledFitting:
    """The steps of one fit, in the order in which they are read.

    Attributes:
        examples: The examples.
        options: How to fit.
        trainings: All that is trained.
        watch: Where the seconds per step are kept.
        progress: Who is told how far it is.
    """

    examples: PooledExamples
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
        seed, progress, score = self.options.seed, self.progress, self.trainings.score
        with self.watch.step("probe"):
            probe = linear_probe(self.examples, score, seed=seed, progress=progress)
        with self.watch.step("plain baseline"):
            plain = plain_baselines(self.examples, score, seed=seed, progress=progress)
        tuning = self._tuning(probe)
        scratch = self._scratch()
        with self.watch.step("conversion"):
            chosen = choose(
                probe,
                tuning.best if tuning else None,
                self.examples,
                score,
                strategy=self.strategy,
                device=self.trainings.setup.device,
                progress=progress,
            )
        saved = chosen.saved
        tuned = tuning.begun if tuning else []
        others = [probe.candidate, *(one.candidate for one in tuned), *plain, *(one.candidate for one in scratch)]
        candidates = [saved.candidate, *(one for one in others if one.name != saved.candidate.name)]

        def measure(folder: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
            with self.watch.step("judge"):
                answers = self.examples.problem.answers(outputs_of(saved_linear_head(folder), saved.test_features))
                measured = replace(candidates[0], test=score(answers, "test"))
                judged = judged_record(self.examples, [measured, *candidates[1:]], answers, seed=seed)
            record = metrics_record(self.examples.base, saved, judged, curve=(), watch=self.watch, target=target)
            if tuning:
                record["decision"] = decided(
                    tuning,
                    measured,
                    probe.candidate,
                    self.examples,
                    reason=chosen.reason,
                    budget=self.options.budget,
                    seed=seed,
                )
            evidence = {**judged.evidence, **self._pictures([*tuned, *scratch], saved)}
            return {**record, "interrupted": self.trainings.setup.stop()}, evidence

        progress.start("save")
        run = publish_run(
            target,
            tensors=saved.tensors(),
            manifest=self._manifest(saved, data),
            measure=measure,
            decorate=decorate,
            log=lambda: log_lines(self.trainings.setup.unfinished, self.watch),
            assets={sha256: asset(sha256) for sha256 in saved.backbone.card.preprocess.assets.values()},
            replace=True,
        )
        progress.finish(str(target))
        return run

    def _tuning(self, probe: Fitted) -> Tuning | None:
        """The trainings above a boundary, where the strategy has any."""
        if not self.strategy.phases:
            return None
        frozen = Attempt(probe.candidate, None, held_out_loss=probe_loss(probe, self.examples))
        with self.watch.step("tuning"):
            self.progress.start("plan")
            plan = self.trainings.plan(self.strategy, budget=self.options.budget, boundary=self.options.boundary)
            self.progress.finish(plan.summary)
            head = cast(LinearHead, probe.head)
            return follow(
                plan,
                lambda step: self.trainings.tune(step, head),
                frozen=frozen,
                strategy=self.strategy,
                metric=self.examples.problem.leading,
            )

    def _scratch(self) -> list[Attempt]:
        """The networks from random weights, where they are wanted."""
        if not self.options.scratch:
            return []
        from headstart.evaluation.baselines import SAME_ARCHITECTURE, SMALL, Architecture

        base = self.examples.base
        card = base.backbone.card
        small = base.modality.small_network(base.arranged.inspections, card.preprocess)
        wanted = [
            Architecture(SMALL, small.library, small.architecture, small.preprocess),
            Architecture(SAME_ARCHITECTURE, card.library, card.architecture, card.preprocess),
        ]
        with self.watch.step("trained baselines"):
            return [self.trainings.from_scratch(one, budget=self.options.baseline_budget) for one in wanted]

    def _manifest(self, saved: Fitted, data: DataOptions) -> dict[str, Any]:
        problem = self.examples.problem
        record = manifest_record(self.examples.base, saved, data, seed=self.options.seed, command=self.options.command)
        asked = {"task": problem.name, "problem": asdict(cast(Any, problem)), "classes": list(problem.classes)}
        return {**record, **asked}

    def _pictures(self, attempts: Sequence[Attempt], saved: Fitted) -> dict[str, Any]:
        """Learning curves, and what changed in which stage."""
        curves = [curve(one.candidate.name, one.trained.records) for one in attempts if one.trained]
        if not saved.trained_backbone:
            return {"curves": curves}
        try:
            changes = compare_stages(self.examples.base, saved.backbone, boundary=str(saved.facts["boundary"]))
        except (DataError, OSError) as error:  # a picture of the report is no reason to lose the run
            self.progress.say(f"What changed in which stage is not shown, because the data have changed: {error}")
            return {"curves": curves}
        return {"curves": curves, "stage_changes": [change.to_json() for change in changes]}
