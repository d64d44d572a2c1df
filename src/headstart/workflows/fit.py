"""The main job: from the user's data to a saved, judged model.

    gather ─► probe ─► tune ─► baselines ─► label curve ─► save ─► judge what was saved

Validation decides what is saved and which baseline is the opponent. Nothing is chosen by test labels; the figures of
the test split are those of what was saved. Whatever takes long is kept in an unfinished run until the real one is
whole, so that the same command goes on where a killed or interrupted one stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.core.assets import asset
from headstart.core.errors import DataError, UnavailableError, UsageError
from headstart.core.machine import training_device
from headstart.core.progress import Progress, Silent, Stopwatch
from headstart.core.run_folder import RunFolder, open_run, publish_run
from headstart.core.unfinished import UnfinishedRun, choose_target
from headstart.evaluation.candidates import Candidate
from headstart.training.checkpoints import TrainingWork
from headstart.training.step_log import Listener
from headstart.transfer.heads import read_head
from headstart.transfer.probe import Probe
from headstart.transfer.strategy import STRATEGIES, Strategy
from headstart.workflows.arrange import DataOptions
from headstart.workflows.baselines import plain_baseline, trained_baselines
from headstart.workflows.choice import Chosen, choose
from headstart.workflows.choose_backbone import BackboneChoice, choose_backbone
from headstart.workflows.decision import curve, decision_record
from headstart.workflows.fitted import Fitted
from headstart.workflows.from_scratch import strongest_network
from headstart.workflows.gather import AUTO, BackboneOptions, Examples, gather
from headstart.workflows.judgement import judge_saved
from headstart.workflows.probes import fit_linear, fit_mlp, label_curve_of
from headstart.workflows.recognised import modality_of, recognised
from headstart.workflows.record import manifest_record, metrics_record
from headstart.workflows.refusals import refuse_at_once, refuse_boundary, refuse_inside
from headstart.workflows.resumable import already_done, identity_of, log_lines, request_of, resumable, short_name
from headstart.workflows.stage_comparison import compare_stages
from headstart.workflows.step_examples import TuneOptions, wanted_views
from headstart.workflows.tune import Tuner, Tuning, accuracy_of, on_equal_terms

if TYPE_CHECKING:
    from headstart.evaluation.baselines import TrainedBaseline


@dataclass(frozen=True)
class FitOptions:
    """How to fit.

    Attributes:
        out: The run's folder; ``None`` for a free name under ``runs/``.
        strategy: Name of the strategy.
        adapt: Texts without labels that the backbone is trained on as a language model first: a file, folder or table,
            or ``"self"`` for the training texts; ``None`` for no such training.
        head: ``"linear"`` or ``"mlp"``.
        budget: Seconds that tuning may take.
        boundary: The lowest stage that trains, for ``partial``.
        views: Augmented views per item in a boundary cache; ``None`` for what suits the modality.
        workers: Worker processes that decode where items are read anew in every epoch; 0 for threads.
        scratch: Also train baselines from random weights.
        baseline_budget: Seconds that each of them may take.
        tracker: Who else hears of every training step: ``"tensorboard"``, ``"mlflow"``, ``"wandb"``.
        seed: For everything random.
        command: What the user typed, for the record.
    """

    out: Path | None = None
    strategy: str = "auto"
    adapt: str | None = None
    head: str = "linear"
    budget: float = 120.0
    boundary: str | None = None
    views: int | None = None
    workers: int = 0
    scratch: bool = True
    baseline_budget: float = 30.0
    tracker: str | None = None
    seed: int = 0
    command: str = ""


def fit(
    data: DataOptions,
    backbone: BackboneOptions,
    options: FitOptions,
    *,
    decorate: Callable[[Path], None],
    progress: Progress | None = None,
) -> RunFolder:
    """Fits a model, judges it against the best model without pretraining, and saves the run.

    Args:
        data: Which data, read how.
        backbone: Which backbone.
        options: How to fit.
        decorate: Writes report and model card into the finished folder, before it gets its name.
        progress: Who is told how far it is.

    Returns:
        The saved run.
    """
    progress = progress or Silent()
    watch = Stopwatch()
    refuse_at_once(data, backbone, options)
    request = request_of(data, backbone, options)
    name = short_name(data.data)
    if done := already_done(options, name, request, progress):
        return done
    target = choose_target(options.out, name, request)
    refuse_inside(target, data.data)
    data = recognised(data)
    options = replace(options, views=wanted_views(modality_of(data), options.views))
    choice = None
    if backbone.name == AUTO:
        choice = choose_backbone(data, backbone, target, progress=progress, watch=watch)
        backbone = replace(backbone, name=choice.name)
    examples = gather(data, backbone, progress=progress, watch=watch)
    if choice is not None:
        examples = choice.warned(examples)
    refuse_boundary(examples.backbone.card, options.boundary)
    target = choose_target(options.out, name, request)
    identity = identity_of(
        examples.digests, examples.arranged.items, examples.modality.name, examples.backbone.folder.name
    )
    with resumable(target, request, identity=identity, options=options, progress=progress) as begun:
        if choice is not None:
            choice.store(begun.unfinished)
        adaptation = None
        if options.adapt is not None:
            from headstart.workflows.adapt_text import AdaptOptions, adapt

            work = TrainingWork(begun.unfinished.folder("adaptation"), begun.stop, begun.listeners, "adaptation")
            wanted = AdaptOptions(options.adapt, options.budget, options.seed, training_device(backbone.device))
            with watch.step("adaptation"):
                examples, adaptation = adapt(examples, wanted, work=work, progress=progress)
        fitting = Fitting(
            examples,
            options,
            unfinished=begun.unfinished,
            listeners=begun.listeners,
            stop=begun.stop,
            device=backbone.device,
            watch=watch,
            progress=progress,
            choice=choice,
            adaptation=adaptation,
        )
        run = fitting.run(target, data, decorate)
        begun.end(run)
    return run


@dataclass(frozen=True)
class Fitting:
    """One fit in progress: its steps, in the order in which they are read.

    Attributes:
        examples: The examples.
        options: How to fit.
        unfinished: Where everything is kept that took long.
        listeners: Who else is told of every training step.
        stop: Whether somebody asked to stop; then what is there is saved.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        watch: Where the seconds per step are kept.
        progress: Who is told how far it is.
        choice: Why it is this backbone, where nobody named one.
        adaptation: What training it on texts without labels brought, where that was asked for.
    """

    examples: Examples
    options: FitOptions
    unfinished: UnfinishedRun
    listeners: tuple[Listener, ...]
    stop: Callable[[], bool]
    device: str
    watch: Stopwatch
    progress: Progress
    choice: BackboneChoice | None = None
    adaptation: Mapping[str, Any] | None = None

    @property
    def strategy(self) -> Strategy:
        """What was asked for."""
        return STRATEGIES[self.options.strategy]

    def run(self, target: Path, data: DataOptions, decorate: Callable[[Path], None]) -> RunFolder:
        """All of it, from the probe to the saved run."""
        examples, options, watch = self.examples, self.options, self.watch
        linear, probes, plain = self.frozen_side()
        tuning = self.tuning(linear, probes[-1].candidate)
        trained = self.baselines()
        with watch.step("label curve"):
            curve = label_curve_of(examples, linear, seed=options.seed)
        with watch.step("conversion"):
            chosen = self.chosen(probes, tuning, trained)
        tried = [
            *(probe.candidate for probe in probes),
            *(tuning.candidates if tuning else ()),
            plain,
            *(baseline.candidate for baseline in trained),
        ]
        saved = chosen.saved
        candidates = [saved.candidate, *(other for other in tried if other.name != saved.candidate.name)]

        def measure(folder: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
            with watch.step("judge"):
                written = open_run(folder)
                head = read_head(written.tensors(), written.manifest["strategy"])
                judged = judge_saved(examples, head, saved.test_features, candidates, seed=options.seed)
                most_wrong = self.explained(judged.evidence["most_wrong"], saved)
                evidence = {**judged.evidence, "most_wrong": most_wrong, **self.evidence(tuning, trained, saved)}
            record = metrics_record(examples, saved, judged, curve=curve, watch=watch, target=target)
            found = {"backbone_choice": self.choice.record} if self.choice else {}
            if self.adaptation is not None:
                found["adaptation"] = self.adaptation
            return {**record, **found, **self.decision(tuning, chosen, probes[-1])}, evidence

        self.progress.start("save")
        run = publish_run(
            target,
            tensors=saved.tensors(),
            manifest=manifest_record(examples, saved, data, seed=options.seed, command=options.command),
            measure=measure,
            decorate=decorate,
            log=lambda: log_lines(self.unfinished, watch),
            assets={sha256: asset(sha256) for sha256 in saved.backbone.card.preprocess.assets.values()},
            replace=True,
        )
        self.progress.finish(str(target))
        return run

    def frozen_side(self) -> tuple[Probe, list[Fitted], Candidate]:
        """What rests on frozen features alone: the linear probe, another head before it where asked for, raw data."""
        examples, seed, progress = self.examples, self.options.seed, self.progress
        with self.watch.step("probe"):
            linear, probe = fit_linear(examples, seed=seed, progress=progress)
            wider = [fit_mlp(examples, seed=seed, progress=progress)] if self.options.head == "mlp" else []
        with self.watch.step("plain baseline"):
            plain = plain_baseline(examples, seed=seed, progress=progress)
        return linear, [*wider, probe], plain

    def tuning(self, linear: Probe, probe: Candidate) -> Tuning | None:
        """The trainings above a boundary, where the strategy has any on pretrained weights."""
        if not self.strategy.phases or self.strategy.weights == "random":
            return None
        options = self.options
        scored = on_equal_terms(probe, self.examples, seed=options.seed)
        seen = f"{accuracy_of(scored):.1%}".replace("%", " %")
        self.progress.say(
            f"The probe is right about {seen} of the validation split; fine-tuning for about "
            f"{options.budget:.0f} s beyond that. Ctrl-C keeps the best so far."
        )
        with self.watch.step("tuning"):
            tuner = Tuner(
                self.examples,
                self.strategy,
                linear.head,
                probe=scored,
                options=TuneOptions(
                    budget=options.budget,
                    boundary=options.boundary,
                    views=options.views or 0,
                    workers=options.workers,
                    seed=options.seed,
                    device=training_device(self.device),
                ),
                unfinished=self.unfinished,
                stop=self.stop,
                listeners=self.listeners,
                progress=self.progress,
            )
            return tuner.run()

    def baselines(self) -> list[TrainedBaseline]:
        """The networks from random weights, where they are wanted."""
        if not self.options.scratch:
            return []
        with self.watch.step("trained baselines"):
            return trained_baselines(
                self.examples,
                budget=self.options.baseline_budget,
                seed=self.options.seed,
                progress=self.progress,
                work=lambda name: TrainingWork(self.unfinished.folder(name), self.stop, self.listeners, name),
            )

    def chosen(self, probes: Sequence[Fitted], tuning: Tuning | None, trained: Sequence[TrainedBaseline]) -> Chosen:
        """What is saved."""
        if self.strategy.weights == "random":
            if self.stop() and not any(baseline.candidate.converged for baseline in trained):
                raise UsageError(
                    "Interrupted before any network had converged: there is none to save yet. The same command goes on."
                )
            network = strongest_network(self.examples, trained, device=self.device, progress=self.progress)
            return Chosen(network, "")
        if tuning is None:
            return Chosen(probes[0], "")
        return choose(
            probes[-1],
            tuning,
            self.examples,
            strategy=self.strategy,
            device=self.device,
            seed=self.options.seed,
            progress=self.progress,
        )

    def decision(self, tuning: Tuning | None, chosen: Chosen, probe: Fitted) -> dict[str, Any]:
        """How the boundary was placed, for ``metrics.json``."""
        if tuning is None:
            return {"interrupted": self.stop()}
        decision = decision_record(
            tuning, chosen=chosen.saved, probe=probe, reason=chosen.reason, examples=self.examples
        )
        return {"interrupted": self.stop(), "decision": {"budget_seconds": self.options.budget, **decision}}

    def evidence(self, tuning: Tuning | None, trained: Sequence[TrainedBaseline], saved: Fitted) -> dict[str, Any]:
        """Learning curves, and what changed in which stage, for ``evidence.json``."""
        curves = [
            *(curve(tuned.step.name, tuned.records) for tuned in (tuning.begun if tuning else ())),
            *(curve(baseline.candidate.name, [record]) for baseline in trained if (record := baseline.run.record)),
        ]
        if tuning is None or not saved.trained_backbone:
            return {"curves": curves}
        try:
            changes = compare_stages(self.examples, saved.backbone, boundary=str(saved.facts["boundary"]))
        except (DataError, OSError) as error:  # a picture of the report is no reason to lose the run
            self.progress.say(f"What changed in which stage is not shown, because the data have changed: {error}")
            return {"curves": curves}
        return {"curves": curves, "stage_changes": [change.to_json() for change in changes]}

    def explained(self, most_wrong: list[dict[str, Any]], saved: Fitted) -> list[dict[str, Any]]:
        """The most wrong items, with what spoke for the wrong answer where that can be told."""
        from headstart.workflows.attributions import marked

        try:
            return marked(most_wrong, self.examples, saved)
        except (UnavailableError, DataError, OSError) as error:  # a mark in the report is no reason to lose the run
            self.progress.say(f"Which words spoke for a wrong answer is not shown: {error}")
            return most_wrong
