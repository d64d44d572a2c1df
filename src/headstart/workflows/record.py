"""What a fit writes down: ``metrics.json`` and ``manifest.json``."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from headstart.backbones.licences import opened
from headstart.core.machine import cpu_identity, version
from headstart.core.progress import Stopwatch
from headstart.data.items import SPLITS
from headstart.evaluation.label_curve import CurvePoint
from headstart.workflows.arrange import DataOptions
from headstart.workflows.fitted import Fitted
from headstart.workflows.gather import Examples
from headstart.workflows.judgement import Judged

_LIBRARIES = ("headstart", "numpy", "openvino", "pillow", "torch", "timm")


def metrics_record(
    examples: Examples, saved: Fitted, judged: Judged, *, curve: Sequence[CurvePoint], watch: Stopwatch, target: Path
) -> dict[str, Any]:
    """``metrics.json``: what the run reached."""
    arranged = examples.arranged
    return {
        "headstart": version("headstart"),
        "task": "classification",
        "item_word": examples.modality.item_word,
        "data": {"name": arranged.table.name, "origin": arranged.table.origin},
        "backbone": saved.backbone.card.name,
        "strategy": saved.strategy,
        "classes": list(arranged.classes),
        "splits": {split: len(arranged.rows(split)) for split in SPLITS},
        "excluded": len(arranged.table.ledger.excluded),
        "excluded_by_reason": arranged.table.ledger.counts(),
        **judged.metrics,
        "label_curve": [point.to_json() for point in curve],
        "engine": str(saved.choice.spec),
        "features_computed": examples.computed,
        "seconds": {name: round(seconds, 3) for name, seconds in watch.seconds.items()},
        "run": str(target),
        "report": str(target / "report.html"),
    }


def _forms(examples: Examples) -> list[str]:
    """Of which forms the training items are, where their modality has several."""
    form, arranged = examples.modality.form, examples.arranged
    if form is None:
        return []
    return sorted({form(arranged.items[row].source.read()) for row in arranged.rows("train")})


def manifest_record(examples: Examples, saved: Fitted, data: DataOptions, *, seed: int, command: str) -> dict[str, Any]:
    """``manifest.json``, but for the hashes: what the run is made of."""
    arranged, card = examples.arranged, saved.backbone.card
    return {
        "headstart": version("headstart"),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
        "task": "classification",
        "modality": examples.modality.name,
        "forms": _forms(examples),
        "predict_example": list(examples.modality.examples),
        "classes": list(arranged.classes),
        "data": {"name": arranged.table.name, "origin": arranged.table.origin},
        "options": {"per_class": data.per_class, "drop_near": data.drop_near},
        "backbone": card.to_json(),
        "allowed_licences": opened([examples.backbone.card.licence, card.licence]),
        "trained_backbone": saved.trained_backbone,
        "strategy": {
            "name": saved.strategy,
            "boundary": "bottom" if saved.trained_backbone else "top",
            "temperature": saved.head.temperature,
            **saved.facts,
        },
        "engine": {
            **asdict(saved.choice.spec),
            "admitted": [asdict(admission) for admission in saved.choice.judged],
            "cpu": cpu_identity(),
        },
        "rule": examples.modality.rule(),
        "seed": seed,
        "versions": {name: version(name) for name in _LIBRARIES},
        "training_items": [examples.digests[row] for row in arranged.rows("train")],
        "warnings": list(examples.warnings),
    }
