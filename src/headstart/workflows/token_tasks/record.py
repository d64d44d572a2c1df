"""What a fit on tokens writes down: ``metrics.json``, ``manifest.json`` and ``evidence.json``."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.licences import opened
from headstart.core.machine import cpu_identity, version
from headstart.core.progress import Stopwatch
from headstart.data.items import SPLITS
from headstart.evaluation.candidates import Candidate
from headstart.evaluation.intervals import Interval
from headstart.evaluation.summed import SummedScore, compare, measured
from headstart.evaluation.verdict import Verdict
from headstart.metrics.entity_f1 import entity_f1, entity_precision, entity_recall
from headstart.metrics.summed import SummedMetrics
from headstart.workflows.arrange import DataOptions
from headstart.workflows.token_tasks.examples import TokenExamples
from headstart.workflows.token_tasks.model import TokenModel
from headstart.workflows.trained_tasks.decision import decision_record, why_ended
from headstart.workflows.trained_tasks.tuning import Tuning

if TYPE_CHECKING:
    from headstart.workflows.fit import FitOptions

MOST_WRONG_SHOWN = 24
_SHOWN_CHARACTERS = 600
_LIBRARIES = ("headstart", "numpy", "openvino", "tokenizers", "torch", "transformers")
_BY_CLASS = SummedMetrics(
    ("right", "predicted", "there"),
    "f1",
    {"f1": entity_f1, "precision": entity_precision, "recall": entity_recall},
)


def metrics_record(
    examples: TokenExamples,
    model: TokenModel,
    candidates: Sequence[Candidate],
    *,
    verdict: Verdict,
    answers: Sequence[Any],
    watch: Stopwatch,
    target: Path,
) -> dict[str, Any]:
    """``metrics.json``: what the run reached.

    Args:
        examples: The examples.
        model: What is saved.
        candidates: What was tried, what is saved first.
        verdict: Whether the pretraining helped.
        answers: The saved model's answers for the test items.
        watch: The seconds per step.
        target: Where the run will be.
    """
    table, problem = examples.table, examples.problem
    return {
        "headstart": version("headstart"),
        "task": problem.name,
        "leading": problem.metrics.leading,
        "does": problem.does,
        "item_word": problem.item_word,
        "data": {"name": table.name, "origin": table.origin},
        "backbone": model.backbone.card.name,
        "strategy": model.strategy,
        "classes": list(problem.classes),
        "splits": {split: len(examples.of(split)) for split in SPLITS},
        "excluded": len(table.ledger.excluded),
        "excluded_by_reason": table.ledger.counts(),
        "test": candidates[0].test.metrics_json() if candidates[0].test else {},
        "per_class": _per_class(examples, answers),
        "candidates": [candidate.to_json() for candidate in candidates],
        "verdict": verdict.to_json(),
        "engine": str(model.choice.spec),
        "seconds": {name: round(seconds, 3) for name, seconds in watch.seconds.items()},
        "run": str(target),
        "report": str(target / "report.html"),
    }


def manifest_record(
    examples: TokenExamples, model: TokenModel, data: DataOptions, *, seed: int, command: str
) -> dict[str, Any]:
    """``manifest.json``, but for the hashes: what the run is made of."""
    card, table = model.backbone.card, examples.table
    return {
        "headstart": version("headstart"),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
        "task": examples.problem.name,
        "problem": asdict(cast(Any, examples.problem)),
        "modality": "text",
        "predict_example": [f'"{examples.problem.example}"'],
        "classes": list(examples.problem.classes),
        "data": {"name": table.name, "origin": table.origin},
        "options": {"per_class": data.per_class, "drop_near": data.drop_near},
        "backbone": card.to_json(),
        "allowed_licences": opened([examples.backbone.card.licence, card.licence]),
        "trained_backbone": model.trained_backbone,
        "strategy": {"name": model.strategy, "temperature": model.head.temperature, **model.facts},
        "engine": {
            **asdict(model.choice.spec),
            "admitted": [asdict(admission) for admission in model.choice.judged],
            "cpu": cpu_identity(),
        },
        "rule": f"windows of tokens, tokenizers {version('tokenizers')}",
        "seed": seed,
        "versions": {name: version(name) for name in _LIBRARIES},
        "training_items": [
            digest for digest, item in zip(examples.digests, table.items, strict=True) if item.split == "train"
        ],
        "warnings": list(examples.warnings),
    }


def evidence_record(
    examples: TokenExamples, answers: Sequence[Any], curves: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """``evidence.json``: the most wrong answers, learning curves, the ledger."""
    problem, ledger = examples.problem, examples.table.ledger
    pairs = list(zip(examples.of("test"), answers, strict=True))
    wrong = sorted((-problem.how_wrong(item, answer), place) for place, (item, answer) in enumerate(pairs))
    shown = [pairs[place] for badness, place in wrong[:MOST_WRONG_SHOWN] if badness < 0]
    return {
        "most_wrong": [
            {
                "id": item.id,
                "label": problem.in_words(item, problem.right_answer(item)),
                "predicted": problem.in_words(item, answer),
                "exhibit": {"text": _shortened(problem.text(item))},
            }
            for item, answer in shown
        ],
        "ledger": {
            "excluded": [asdict(entry) for entry in ledger.excluded],
            "ignored": [asdict(entry) for entry in ledger.ignored],
            "notes": [*ledger.notes, *examples.warnings],
        },
        "curves": list(curves),
    }


def decided(
    tuning: Tuning, saved: Candidate, probe: Candidate, examples: TokenExamples, *, options: FitOptions
) -> dict[str, Any]:
    """The ``decision`` of ``metrics.json``.

    Args:
        tuning: What tuning came to.
        saved: What is saved.
        probe: The head on frozen features.
        examples: The examples.
        options: How to fit.
    """
    return decision_record(
        tuning,
        saved,
        reason="It was the best on validation." if tuning.best else "No training was better on validation.",
        ended=why_ended(tuning, budget=options.budget),
        over_probe=None if saved is probe else _gain(saved, probe, examples, seed=options.seed),
        metric=examples.problem.metrics.leading,
        budget=options.budget,
    )


def _gain(saved: Candidate, probe: Candidate, examples: TokenExamples, *, seed: int) -> Interval | None:
    """The paired difference in the metric that decides, with its interval."""
    if not isinstance(saved.test, SummedScore) or not isinstance(probe.test, SummedScore):
        return None
    return compare(
        saved.test.summands,
        probe.test.summands,
        examples.problem.metrics,
        groups=examples.groups("test"),
        seed=seed,
    ).difference


def _per_class(examples: TokenExamples, answers: Sequence[Any]) -> list[dict[str, Any]]:
    tables = examples.problem.per_class(examples.of("test"), answers)
    return [_class_record(name, table, examples.groups("test")) for name, table in tables.items()]


def _class_record(name: str, table: NDArray[np.float64], groups: NDArray[Any] | None) -> dict[str, Any]:
    found = measured(table, _BY_CLASS, groups=groups)
    _, predicted, there = table.sum(axis=0)
    return {
        "class": name,
        "support": int(there),
        "precision": _where(predicted, found["precision"]),
        "recall": _where(there, found["recall"]),
        "f1": found["f1"].value if there else None,
    }


def _where(count: float, interval: Interval) -> dict[str, float] | None:
    return interval.to_json() if count else None


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…"
