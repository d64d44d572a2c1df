"""The main job: from the user's data to a saved, judged model.

    gather ─► probe ─► baselines ─► label curve ─► save ─► judge what was saved

Validation decides which baseline is the opponent. Nothing is chosen by test labels; the figures of the test split are
those of what was saved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.backbones.catalog import check_name
from headstart.core.errors import UnknownNameError, UsageError
from headstart.core.progress import Progress, Silent, Stopwatch
from headstart.core.run_folder import RunFolder, choose_run_path, open_run, publish_run
from headstart.transfer.heads import read_head
from headstart.transfer.strategy import STRATEGIES
from headstart.workflows.arrange import DataOptions
from headstart.workflows.baselines import plain_baseline, trained_baselines
from headstart.workflows.from_scratch import strongest_network
from headstart.workflows.gather import BackboneOptions, gather
from headstart.workflows.judgement import judge_saved
from headstart.workflows.probes import HEADS, fit_linear, fit_mlp, label_curve_of
from headstart.workflows.record import manifest_record, metrics_record

if TYPE_CHECKING:
    from headstart.evaluation.baselines import TrainedBaseline
    from headstart.workflows.gather import Examples


LEAST_PER_CLASS = 2


@dataclass(frozen=True)
class FitOptions:
    """How to fit.

    Attributes:
        out: The run's folder; ``None`` for a free name under ``runs/``.
        strategy: Name of the strategy.
        head: ``"linear"`` or ``"mlp"``.
        scratch: Also train baselines from random weights.
        baseline_budget: Seconds that each of them may take.
        seed: For everything random.
        command: What the user typed, for the record.
    """

    out: Path | None = None
    strategy: str = "probe"
    head: str = "linear"
    scratch: bool = True
    baseline_budget: float = 30.0
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
    """Fits a probe on frozen features, judges it against the best model without pretraining, and saves the run.

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
    target = choose_run_path(options.out, _short_name(data.data))
    _refuse_inside(target, data.data)
    examples = gather(data, backbone, progress=progress, watch=watch)
    with watch.step("probe"):
        linear, probe = fit_linear(examples, seed=options.seed, progress=progress)
        probes = [fit_mlp(examples, seed=options.seed, progress=progress), probe] if options.head == "mlp" else [probe]
    with watch.step("plain baseline"):
        plain = plain_baseline(examples, seed=options.seed, progress=progress)
    with watch.step("trained baselines"):
        trained = _trained(examples, options, progress)
    with watch.step("label curve"):
        curve = label_curve_of(examples, linear, seed=options.seed)
    saved = probes[0]
    if STRATEGIES[options.strategy].weights == "random":
        with watch.step("conversion"):
            saved = strongest_network(examples, trained, device=backbone.device, progress=progress)
    tried = [*(probe.candidate for probe in probes), plain, *(baseline.candidate for baseline in trained)]
    candidates = [saved.candidate, *(candidate for candidate in tried if candidate is not saved.candidate)]

    def measure(folder: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        with watch.step("judge"):
            written = open_run(folder)
            head = read_head(written.tensors(), written.manifest["strategy"])
            judged = judge_saved(examples, head, saved.features, candidates, seed=options.seed)
        record = metrics_record(examples, saved, judged, curve=curve, watch=watch, target=target)
        return record, judged.evidence

    if options.out is None:  # another fit may have taken the name meanwhile
        target = choose_run_path(None, _short_name(data.data))
    progress.start("save")
    run = publish_run(
        target,
        tensors=saved.tensors(),
        manifest=manifest_record(examples, saved, data, seed=options.seed, command=options.command),
        measure=measure,
        decorate=decorate,
        log=lambda: [{"step": name, "seconds": round(seconds, 4)} for name, seconds in watch.seconds.items()],
    )
    progress.finish(str(target))
    return run


def refuse_at_once(data: DataOptions, backbone: BackboneOptions, options: FitOptions) -> None:
    """Refuses what cannot be meant, before anything dear is done.

    Raises:
        UnknownNameError: There is no such strategy or head.
        UsageError: Options that contradict each other, or too few examples per class.
    """
    strategy = STRATEGIES[options.strategy]
    if options.head not in HEADS:
        raise UnknownNameError("head", options.head, HEADS)
    if strategy.weights == "random" and not options.scratch:
        raise UsageError(
            f"Expected networks to be trained with --strategy {strategy.name}, but got --no-scratch; leave it out."
        )
    if strategy.weights == "pretrained" and strategy.phases:
        raise UsageError(
            f"Expected a strategy without phases on pretrained weights, but {strategy.name} has "
            f"{len(strategy.phases)}; this version does not train them yet."
        )
    if backbone.name is not None:
        check_name(backbone.name, architecture=backbone.architecture)
    if data.per_class is not None and data.per_class < LEAST_PER_CLASS:
        raise UsageError(
            f"Expected --per-class to be at least {LEAST_PER_CLASS} (one to train on, one to validate with), but got "
            f"{data.per_class}."
        )


def _refuse_inside(target: Path, data: str) -> None:
    """Refuses a run inside the data: the next fit would read it as data.

    Raises:
        UsageError: It would lie there.
    """
    folder = Path(data)
    if folder.is_dir() and target.resolve().is_relative_to(folder.resolve()):
        raise UsageError(f"Expected a run outside the data, but {target} is inside {data}; name another --out.")


def _trained(examples: Examples, options: FitOptions, progress: Progress) -> list[TrainedBaseline]:
    if not options.scratch:
        return []
    return trained_baselines(examples, budget=options.baseline_budget, seed=options.seed, progress=progress)


def _short_name(data: str) -> str:
    """What a run is called where nobody gave it a name: the data's last name."""
    path = Path(data.split(":", 1)[-1])
    return path.resolve().stem if path.exists() else path.name
