"""What a fit on whole items writes down beyond what classification does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import DataError
from headstart.evaluation.candidates import Candidate, strongest
from headstart.evaluation.contamination import coverage_warning, overlap_warning, overlapping_items
from headstart.evaluation.intervals import Interval
from headstart.evaluation.summed import SummedScore
from headstart.evaluation.verdict import Verdict, not_judged, verdict_on
from headstart.workflows.judgement import (
    MOST_WRONG_SHOWN,
    NEAR_PAIRS_SHOWN,
    Judged,
    covered_by,
    near_pair_evidence,
    no_network,
)
from headstart.workflows.pooled_tasks.examples import PooledExamples
from headstart.workflows.trained_tasks.decision import decision_record, why_ended
from headstart.workflows.trained_tasks.tuning import Tuning


def judged_record(
    examples: PooledExamples, candidates: Sequence[Candidate], answers: NDArray[np.float64], *, seed: int
) -> Judged:
    """What the test split decides, and the evidence for it.

    Args:
        examples: The examples.
        candidates: What was tried, scored; what is saved first.
        answers: The saved model's answers for the test split.
        seed: Of the bootstrap.
    """
    problem, saved = examples.problem, candidates[0]
    targets, groups = examples.targets_of("test"), examples.groups_of("test")
    metrics = {
        "task": problem.name,
        "leading": problem.leading,
        "does": problem.does,
        "classes": list(problem.classes),
        "test": saved.test.metrics_json() if saved.test else {},
        "per_class": problem.per_class(targets, answers, groups=groups),
        "candidates": [candidate.to_json() for candidate in candidates],
        "verdict": _verdict(examples, candidates, seed=seed).to_json(),
    }
    return Judged(metrics, _evidence(examples, answers))


def decided(
    tuning: Tuning,
    saved: Candidate,
    probe: Candidate,
    examples: PooledExamples,
    *,
    reason: str,
    budget: float,
    seed: int,
) -> dict[str, Any]:
    """The ``decision`` of ``metrics.json``.

    Args:
        tuning: What tuning came to.
        saved: What is saved.
        probe: The linear probe.
        examples: The examples.
        reason: Why it is saved.
        budget: Seconds that tuning was allowed.
        seed: Of the bootstrap.
    """
    return decision_record(
        tuning,
        saved,
        reason=reason,
        ended=why_ended(tuning, budget=budget),
        over_probe=None if saved.name == probe.name else _gain(saved, probe, examples, seed=seed),
        metric=examples.problem.leading,
        budget=budget,
    )


def _verdict(examples: PooledExamples, candidates: Sequence[Candidate], *, seed: int) -> Verdict:
    warnings, problem = tuple(_contamination(examples)), examples.problem
    if not examples.base.backbone.card.pretrained:
        return not_judged("the backbone has random weights, so nothing was transferred")
    baselines = [candidate for candidate in candidates if candidate.kind == "baseline"]
    opponent = strongest(baselines, by=problem.leading)
    if opponent is None or not isinstance(opponent.test, SummedScore):
        return not_judged("no model without the pretraining converged", warnings=warnings)
    groups = examples.groups_of("test")
    comparison = problem.compare(_score(candidates[0]), opponent.test, groups=groups, seed=seed)
    warnings = (*warnings, *no_network(baselines, opponent))
    return verdict_on(comparison, opponent.name, groups=groups, warnings=warnings)


def _contamination(examples: PooledExamples) -> list[str]:
    """What the pretraining may have seen of this data already."""
    base, classes = examples.base, examples.problem.classes
    card, rows = base.backbone.card, examples.rows("test")
    found = [
        coverage_warning(
            covered_by(card, base.modality, classes) or {}, target_classes=len(classes), pretraining=card.pretraining
        ),
        overlap_warning(
            overlapping_items([base.digests[row] for row in rows], card.pretraining_items), test_items=len(rows)
        ),
    ]
    return [sentence for sentence in found if sentence is not None]


def _evidence(examples: PooledExamples, answers: NDArray[np.float64]) -> dict[str, Any]:
    base, ledger = examples.base, examples.base.arranged.table.ledger
    return {
        "most_wrong": _most_wrong(examples, answers),
        "near_duplicates": [near_pair_evidence(base, pair) for pair in base.arranged.near[:NEAR_PAIRS_SHOWN]],
        "ledger": {
            "excluded": [asdict(entry) for entry in ledger.excluded],
            "ignored": [asdict(entry) for entry in ledger.ignored],
            "notes": [*ledger.notes, *base.warnings],
        },
    }


def _most_wrong(examples: PooledExamples, answers: NDArray[np.float64]) -> list[dict[str, Any]]:
    problem, items = examples.problem, examples.base.arranged.items
    wrong, rows = problem.how_wrong(examples.targets_of("test"), answers), examples.rows("test")
    order = [place for place in np.argsort(-wrong, kind="stable")[:MOST_WRONG_SHOWN] if wrong[place] > 0]
    return [
        {
            "id": items[rows[place]].id,
            "label": problem.label_in_words(str(items[rows[place]].label)),
            "predicted": problem.in_words(answers[place]),
            "exhibit": _exhibit(examples, int(rows[place])),
        }
        for place in order
    ]


def _exhibit(examples: PooledExamples, row: int) -> dict[str, Any]:
    """An item as the report shows it; empty where it can no longer be read."""
    try:
        return asdict(examples.base.modality.exhibit(examples.base.arranged.items[row].source.read()))
    except (DataError, OSError):
        return {}


def _score(candidate: Candidate) -> SummedScore:
    return cast(SummedScore, candidate.test)


def _gain(saved: Candidate, probe: Candidate, examples: PooledExamples, *, seed: int) -> Interval:
    """The paired difference in the metric that decides, with its interval."""
    groups = examples.groups_of("test")
    return examples.problem.compare(_score(saved), _score(probe), groups=groups, seed=seed).difference
