"""The main job: from the user's data to a saved, judged model.

    gather ─► probe ─► baselines ─► label curve ─► save ─► judge what was saved

Validation decides which baseline is the opponent; test labels are looked at once, at the end, through what was saved.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from headstart.core.machine import cpu_identity, version
from headstart.core.progress import Progress, Silent, Stopwatch
from headstart.core.run_folder import RunFolder, choose_run_path, open_run, publish_run
from headstart.core.tensors import read_tensors
from headstart.evaluation.candidates import Candidate
from headstart.evaluation.label_curve import CurvePoint
from headstart.transfer.heads import Head, read_head
from headstart.workflows.arrange import DataOptions
from headstart.workflows.baselines import plain_baseline, trained_baselines
from headstart.workflows.gather import BackboneOptions, Examples, gather
from headstart.workflows.judgement import Judged, judge_saved
from headstart.workflows.probes import FittedProbe, fit_linear, fit_mlp, label_curve_of, refuse_unknown_head


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
    baseline_budget: float = 60.0
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
    """Fits a probe on frozen features, judges it against the best model without transfer, and saves the run.

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
    refuse_unknown_head(options.head)
    target = choose_run_path(options.out, _short_name(data.data))
    examples = gather(data, backbone, progress=progress, watch=watch)
    with watch.step("probe"):
        linear, fitted = fit_linear(examples, seed=options.seed, progress=progress)
        probes = [fitted]
        if options.head == "mlp":
            probes.insert(0, fit_mlp(examples, seed=options.seed, progress=progress))
    chosen = probes[0]
    candidates = [*(probe.candidate for probe in probes), *_baselines(examples, options, progress, watch)]
    with watch.step("label curve"):
        curve = label_curve_of(examples, linear, seed=options.seed)

    def measure(folder: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        with watch.step("judge"):
            saved = open_run(folder)
            head = read_head(saved.tensors(), saved.manifest["strategy"])
            judged = judge_saved(examples, head, candidates, seed=options.seed)
        return _metrics(examples, judged, curve, watch, target), judged.evidence

    progress.start("save")
    run = publish_run(
        target,
        tensors=_tensors(examples, chosen.head),
        manifest=_manifest(examples, chosen, data, options),
        measure=measure,
        decorate=decorate,
        log=lambda: [{"step": name, "seconds": round(seconds, 4)} for name, seconds in watch.seconds.items()],
    )
    progress.finish(str(target))
    return run


def _baselines(examples: Examples, options: FitOptions, progress: Progress, watch: Stopwatch) -> list[Candidate]:
    with watch.step("plain baseline"):
        progress.start(examples.modality.plain_name)
        plain = plain_baseline(examples, seed=options.seed)
        progress.finish(plain.detail)
    if not options.scratch:
        return [plain]
    with watch.step("trained baselines"):
        trained = trained_baselines(examples, budget=options.baseline_budget, seed=options.seed, progress=progress)
    return [plain, *trained]


def _tensors(examples: Examples, head: Head) -> dict[str, NDArray[Any]]:
    """The whole model: a run can be used where its backbone's source cannot be had."""
    backbone = read_tensors(examples.backbone.weights)
    return {
        **{f"backbone.{name}": values for name, values in backbone.items()},
        **head.tensors(),
    }


def _metrics(
    examples: Examples, judged: Judged, curve: list[CurvePoint], watch: Stopwatch, target: Path
) -> dict[str, Any]:
    """``metrics.json``."""
    return {
        "headstart": version("headstart"),
        "task": "classification",
        "data": {"name": examples.arranged.table.name, "origin": examples.arranged.table.origin},
        "backbone": examples.backbone.card.name,
        "strategy": "probe",
        "classes": list(examples.arranged.classes),
        "splits": {split: len(examples.arranged.rows(split)) for split in ("train", "validation", "test")},
        "excluded": len(examples.arranged.table.ledger.excluded),
        "excluded_by_reason": examples.arranged.table.ledger.counts(),
        **judged.metrics,
        "label_curve": [point.to_json() for point in curve],
        "engine": str(examples.choice.spec),
        "features_computed": examples.computed,
        "seconds": {name: round(seconds, 3) for name, seconds in watch.seconds.items()},
        "run": str(target),
        "report": str(target / "report.html"),
    }


def _manifest(examples: Examples, chosen: FittedProbe, data: DataOptions, options: FitOptions) -> dict[str, Any]:
    """``manifest.json``, but for the hashes."""
    card = examples.backbone.card
    train = examples.arranged.rows("train")
    return {
        "headstart": version("headstart"),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": options.command,
        "task": "classification",
        "modality": examples.modality.name,
        "classes": list(examples.arranged.classes),
        "data": {"name": examples.arranged.table.name, "origin": examples.arranged.table.origin},
        "options": {"per_class": data.per_class, "drop_near": data.drop_near},
        "backbone": card.to_json(),
        "trained_backbone": False,
        "strategy": {
            "name": "probe",
            "boundary": card.top.name,
            "temperature": chosen.head.temperature,
            **chosen.facts,
        },
        "engine": {
            **asdict(examples.choice.spec),
            "admitted": [asdict(admission) for admission in examples.choice.judged],
            "cpu": cpu_identity(),
        },
        "rule": examples.modality.rule(),
        "seed": options.seed,
        "versions": {name: version(name) for name in ("headstart", "numpy", "openvino", "pillow", "torch", "timm")},
        "training_items": [examples.digests[row] for row in train],
        "warnings": list(examples.warnings),
    }


def _short_name(data: str) -> str:
    """What a run is called where nobody gave it a name: the data's last name."""
    path = Path(data.split(":", 1)[-1])
    return path.resolve().stem if path.exists() else path.name
