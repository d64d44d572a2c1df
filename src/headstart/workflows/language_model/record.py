"""What a language model's fit writes down: ``metrics.json``, ``manifest.json`` and ``evidence.json``."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from headstart.backbones.card import BackboneCard
from headstart.backbones.identity import weights_sha256
from headstart.backbones.licences import opened
from headstart.core.machine import cpu_identity, version
from headstart.core.progress import Stopwatch
from headstart.data.items import SPLITS
from headstart.evaluation.perplexities import judge_language_models
from headstart.evaluation.verdict import Verdict, not_judged
from headstart.workflows.language_model.candidates import LanguageCandidate, Tried, best_by_validation, validation_loss
from headstart.workflows.language_model.corpus import Corpus

TASK = "language modelling"
_LIBRARIES = ("headstart", "numpy", "torch", "transformers", "tokenizers")
_PREFIX = "backbone."


def saved_card(
    source: BackboneCard, chosen: Tried, tensors: Mapping[str, NDArray[Any]], corpus: Corpus
) -> BackboneCard:
    """The card of the backbone that is saved: the source's own, or one for the weights that tuning came to."""
    if chosen.training is None:
        return source
    backbone = {name.removeprefix(_PREFIX): values for name, values in tensors.items() if name.startswith(_PREFIX)}
    return replace(
        source,
        source=f"tuned by headstart as a language model on {corpus.streams.name}, from: {source.source}",
        sha256=weights_sha256(source.library, source.architecture, backbone),
    )


def verdict_of(source: BackboneCard, candidates: Sequence[LanguageCandidate], *, seed: int) -> Verdict:
    """The saved model, the first candidate, against the best one on validation that knows no pretraining."""
    if not source.pretrained:
        return not_judged("the backbone has random weights, so nothing was transferred")
    baselines = [candidate for candidate in candidates if candidate.kind == "baseline"]
    opponent, saved = best_by_validation(baselines), candidates[0]
    warnings = tuple(_warnings(baselines, opponent))
    if opponent is None or opponent.test is None or saved.test is None:
        return not_judged("no model without the pretraining converged", warnings=warnings)
    return judge_language_models(saved.test, opponent.test, opponent.name, warnings=warnings, seed=seed)


def _warnings(baselines: Sequence[LanguageCandidate], opponent: LanguageCandidate | None) -> list[str]:
    """What stood outside the comparison and might have been stronger."""
    advice = "with a larger --baseline-budget it may be the stronger opponent"
    ahead = [
        f"{candidate.name} had not converged and was already better on validation than {opponent.name}; {advice}."
        for candidate in baselines
        if opponent is not None
        and candidate.status == "not converged"
        and validation_loss(candidate) < validation_loss(opponent)
    ]
    networks = [candidate for candidate in baselines if candidate.strategy == "scratch"]
    if ahead or any(candidate.status == "ok" for candidate in networks):
        return ahead
    way = "Raise --baseline-budget" if networks else "Leave out --no-scratch"
    return [f"No network trained without the pretraining could be compared with. {way} to find out."]


def metrics_record(
    corpus: Corpus,
    card: BackboneCard,
    candidates: Sequence[LanguageCandidate],
    verdict: Verdict,
    *,
    watch: Stopwatch,
    target: Path,
    seed: int,
) -> dict[str, Any]:
    """``metrics.json``: what the run reached; the saved model is the first candidate."""
    rows = [candidate.to_json(seed=seed) for candidate in candidates]
    return {
        "headstart": version("headstart"),
        "task": TASK,
        "leading": "perplexity",
        "objective": corpus.objective.name,
        "does": "says which token comes next" if corpus.objective.ahead else "says which token is hidden",
        "data": {"name": corpus.streams.name, "origin": corpus.streams.origin},
        "backbone": card.name,
        "strategy": candidates[0].strategy,
        "classes": [],
        "item_word": "token",
        "splits": {split: len(corpus.tokens[split]) for split in SPLITS},
        "excluded": 0,
        "test": rows[0]["test"],
        "window": {"tokens": corpus.window, "stride": corpus.stride},
        "candidates": rows,
        "verdict": verdict.to_json(),
        "seconds": {name: round(seconds, 3) for name, seconds in watch.seconds.items()},
        "run": str(target),
        "report": str(target / "report.html"),
    }


def manifest_record(corpus: Corpus, card: BackboneCard, chosen: Tried, *, seed: int, command: str) -> dict[str, Any]:
    """``manifest.json``, but for the hashes: what the run is made of."""
    trained = chosen.training is not None
    return {
        "headstart": version("headstart"),
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "command": command,
        "task": TASK,
        "objective": corpus.objective.name,
        "modality": "text",
        "item_word": "token",
        "classes": [],
        "data": {"name": corpus.streams.name, "origin": corpus.streams.origin},
        "backbone": card.to_json(),
        "allowed_licences": opened([card.licence]),
        "trained_backbone": trained,
        "strategy": {
            "name": chosen.candidate.strategy,
            "boundary": "bottom" if trained else "top",
            "head": "language",
            **(chosen.training.facts() if chosen.training else {}),
        },
        "engine": {"name": "torch", "precision": "float32", "cpu": cpu_identity()},
        "rule": "texts are read as in headstart.data.texts and cut into blocks of tokens where they go on",
        "seed": seed,
        "versions": {name: version(name) for name in _LIBRARIES},
        "training_items": [hashlib.sha256(corpus.streams.train.encode()).hexdigest()],
        "warnings": [],
    }


def evidence_record(corpus: Corpus, tried: Sequence[Tried]) -> dict[str, Any]:
    """``evidence.json``: learning curves, and how the text was divided."""
    from headstart.workflows.decision import curve

    curves = [curve(row.candidate.name, row.training.records) for row in tried if row.training is not None]
    return {"curves": curves, "ledger": {"excluded": [], "ignored": [], "notes": list(corpus.streams.notes)}}
