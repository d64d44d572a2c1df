"""The end of a fit: what was saved is measured on the test split and compared with its opponent, with evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.card import BackboneCard
from headstart.core.errors import DataError
from headstart.data.duplicates import NearPair
from headstart.data.items import Split
from headstart.data.modality import Exhibit, Modality
from headstart.evaluation.candidates import Candidate, strongest
from headstart.evaluation.contamination import (
    coverage_warning,
    covered_classes,
    overlap_warning,
    overlapping_items,
)
from headstart.evaluation.scorecard import Scorecard, score
from headstart.evaluation.verdict import Opponent, Verdict, judge, not_judged
from headstart.features.store import Table
from headstart.transfer.heads import Head
from headstart.workflows.gather import Examples

MOST_WRONG_SHOWN = 24
NEAR_PAIRS_SHOWN = 12


@dataclass(frozen=True)
class Judged:
    """What a saved model came to.

    Attributes:
        metrics: The part of ``metrics.json`` that the test split decides.
        evidence: ``evidence.json``.
    """

    metrics: dict[str, Any]
    evidence: dict[str, Any]


def judge_saved(
    examples: Examples, head: Head, test_features: Table, candidates: Sequence[Candidate], *, seed: int
) -> Judged:
    """Measures the saved head, scores every candidate, and reaches the verdict.

    Args:
        examples: The examples.
        head: The head as it was read back from the run's folder.
        test_features: Features of the test examples from the saved backbone.
        candidates: What was tried; the first is the one that was saved.
        seed: Of the bootstrap.
    """
    probabilities = head.probabilities(test_features)
    saved = replace(candidates[0], test_probabilities=probabilities)
    scored = [score_candidate(candidate, examples, seed=seed) for candidate in (saved, *candidates[1:])]
    test = score_split(probabilities, examples, "test", seed=seed)
    verdict = _verdict(examples, scored)
    metrics = {
        "test": test.metrics_json(),
        "per_class": [
            {"class": name, **entry.to_json()}
            for name, entry in zip(examples.arranged.classes, test.per_class, strict=True)
        ],
        "confusion": test.confusion.tolist(),
        "candidates": [candidate.to_json() for candidate in scored],
        "verdict": verdict.to_json(),
    }
    return Judged(metrics, _evidence(examples, probabilities, test))


def score_split(probabilities: NDArray[np.float64], examples: Examples, split: Split, *, seed: int) -> Scorecard:
    """Metrics with intervals of one split's probabilities."""
    rows = examples.arranged.rows(split)
    return score(examples.arranged.labels[rows], probabilities, groups=group_array(examples, rows), seed=seed)


def score_candidate(candidate: Candidate, examples: Examples, *, seed: int) -> Candidate:
    """A candidate with metrics for the splits it has probabilities for."""
    validation, test = candidate.validation_probabilities, candidate.test_probabilities
    return replace(
        candidate,
        validation=None if validation is None else score_split(validation, examples, "validation", seed=seed),
        test=None if test is None else score_split(test, examples, "test", seed=seed),
    )


def group_array(examples: Examples, rows: NDArray[np.intp]) -> NDArray[Any] | None:
    """The groups of some examples as an array; ``None`` where nobody has one."""
    groups = examples.arranged.groups(rows)
    return None if groups is None else np.array(groups)


def _verdict(examples: Examples, candidates: Sequence[Candidate]) -> Verdict:
    rows = examples.arranged.rows("test")
    labels = examples.arranged.labels[rows]
    warnings = tuple(_contamination(examples, rows))
    if not examples.backbone.card.pretrained:
        return not_judged("the backbone has random weights, so nothing was transferred")
    opponent = strongest([candidate for candidate in candidates if candidate.kind == "baseline"])
    transfer = next(candidate for candidate in candidates if candidate.kind == "transfer")
    if opponent is None or opponent.test_probabilities is None or transfer.test_probabilities is None:
        return not_judged("no model without the pretraining converged", warnings=warnings)
    return judge(
        transfer.test_probabilities.argmax(axis=1) == labels,
        Opponent(opponent.name, opponent.test_probabilities.argmax(axis=1) == labels),
        groups=group_array(examples, rows),
        warnings=(*warnings, *_unfinished(candidates, opponent), *no_network(candidates, opponent)),
    )


def _unfinished(candidates: Sequence[Candidate], opponent: Candidate) -> list[str]:
    """Baselines that were still on their way and already ahead of the opponent on validation."""
    return [
        f"{candidate.name} had not converged and already reached {candidate.validation.metrics['accuracy'].value:.1%} "
        f"on validation, more than {opponent.name}; with a larger --baseline-budget it may be the stronger opponent."
        for candidate in candidates
        if candidate.kind == "baseline"
        and candidate.status == "not converged"
        and candidate.validation is not None
        and opponent.validation is not None
        and candidate.validation.metrics["accuracy"].value > opponent.validation.metrics["accuracy"].value
    ]


def no_network(candidates: Sequence[Candidate], opponent: Candidate) -> list[str]:
    """A warning where nothing but a plain model stood against the transfer.

    Args:
        candidates: What was tried.
        opponent: What the transfer is held against.
    """
    networks = [candidate for candidate in candidates if candidate.strategy == "scratch"]
    if any(candidate.converged for candidate in networks):
        return []
    advice = "Raise --baseline-budget" if networks else "Leave out --no-scratch"
    return [
        f"No network trained without the pretraining could be compared with; such a one may be stronger than "
        f"{opponent.name}. {advice} to find out."
    ]


def covered_by(card: BackboneCard, modality: Modality, classes: Sequence[str]) -> dict[str, tuple[str, ...]] | None:
    """Classes that the pretraining has seen such items of; see :func:`covered_classes`.

    Returns:
        ``None`` where the pretraining knew no classes, or none of such items.
    """
    if card.preprocess.kind in modality.foreign or not card.pretraining_classes:
        return None
    return covered_classes(classes, card.pretraining_classes)


def _contamination(examples: Examples, test_rows: NDArray[np.intp]) -> list[str]:
    """What the pretraining may have seen of this data already."""
    card = examples.backbone.card
    covered = covered_by(card, examples.modality, examples.arranged.classes) or {}
    found = [
        coverage_warning(covered, target_classes=len(examples.arranged.classes), pretraining=card.pretraining),
        overlap_warning(
            overlapping_items([examples.digests[row] for row in test_rows], card.pretraining_items),
            test_items=len(test_rows),
        ),
    ]
    return [sentence for sentence in found if sentence is not None]


def _evidence(examples: Examples, probabilities: NDArray[np.float64], test: Scorecard) -> dict[str, Any]:
    ledger = examples.arranged.table.ledger
    return {
        "reliability": [entry.to_json() for entry in test.reliability],
        "most_wrong": _most_wrong(examples, probabilities),
        "near_duplicates": [near_pair_evidence(examples, pair) for pair in examples.arranged.near[:NEAR_PAIRS_SHOWN]],
        "ledger": {
            "excluded": [asdict(entry) for entry in ledger.excluded],
            "ignored": [asdict(entry) for entry in ledger.ignored],
            "notes": [*ledger.notes, *examples.warnings],
        },
    }


def _most_wrong(examples: Examples, probabilities: NDArray[np.float64]) -> list[dict[str, Any]]:
    """The test items that the model is surest of and wrong about, as the report shows them."""
    rows = examples.arranged.rows("test")
    labels = examples.arranged.labels[rows]
    predictions = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predictions != labels)
    order = wrong[np.argsort(probabilities[wrong, labels[wrong]], kind="stable")][:MOST_WRONG_SHOWN]
    return [
        {
            "id": examples.arranged.items[rows[place]].id,
            "label": examples.arranged.classes[labels[place]],
            "predicted": examples.arranged.classes[predictions[place]],
            "confidence": float(probabilities[place, predictions[place]]),
            "exhibit": _exhibit(examples, int(rows[place])),
        }
        for place in order
    ]


def near_pair_evidence(examples: Examples, pair: NearPair) -> dict[str, Any]:
    """Two items that look alike, as the report shows them."""
    first, second = examples.arranged.items[pair.first], examples.arranged.items[pair.second]
    return {
        "first": first.id,
        "second": second.id,
        "first_split": first.split,
        "second_split": second.split,
        "difference": pair.difference,
        "exhibits": [_exhibit(examples, pair.first), _exhibit(examples, pair.second)],
    }


def _exhibit(examples: Examples, place: int) -> dict[str, Any]:
    """An item as the report shows it; empty where it can no longer be read."""
    try:
        return asdict(examples.modality.exhibit(examples.arranged.items[place].source.read()))
    except (DataError, OSError):
        return asdict(Exhibit())
