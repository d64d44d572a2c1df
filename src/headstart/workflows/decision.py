"""What tuning leaves in the record: the decision, the curves, and what changed in which stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from headstart.evaluation.candidates import Candidate
from headstart.evaluation.paired import paired_difference
from headstart.workflows.fitted import Fitted
from headstart.workflows.gather import Examples
from headstart.workflows.judgement import group_array
from headstart.workflows.tune import Outcome, Tuning

if TYPE_CHECKING:
    from headstart.training.records import PhaseRecord


_TOO_DEAR = "did not fit into the budget"


def decision_record(
    tuning: Tuning, *, chosen: Fitted, probe: Fitted, reason: str, examples: Examples
) -> dict[str, Any]:
    """The ``decision`` of ``metrics.json``: tried, predicted, reached, cost, and why it stopped.

    Args:
        tuning: What tuning came to.
        chosen: What is saved.
        probe: The linear probe.
        reason: Why this one was chosen, in a sentence.
        examples: The examples.
    """
    return {
        "seconds": sum(outcome.seconds or 0.0 for outcome in tuning.outcomes),
        "chosen": chosen.candidate.name,
        "reason": reason,
        "ended": tuning.ended,
        "invariances": [check.to_json() for check in tuning.invariances],
        "steps": [
            *(_step_record(outcome) for outcome in tuning.outcomes),
            *(_step_record(Outcome(step, why_not=_TOO_DEAR)) for step in tuning.plan.unaffordable),
        ],
        "over_probe": None if chosen is probe else _gain(chosen.candidate, probe.candidate, examples),
    }


def _gain(saved: Candidate, probe: Candidate, examples: Examples) -> dict[str, float] | None:
    """The paired difference in test accuracy between two candidates, with its interval."""
    if saved.test_probabilities is None or probe.test_probabilities is None:
        return None
    rows = examples.arranged.rows("test")
    labels = examples.arranged.labels[rows]
    found = paired_difference(
        saved.test_probabilities.argmax(axis=1) == labels,
        probe.test_probabilities.argmax(axis=1) == labels,
        groups=group_array(examples, rows),
    )
    return {"difference": found.value, "low": found.low, "high": found.high}


def curve(name: str, records: Sequence[PhaseRecord]) -> dict[str, Any]:
    """A training's losses by epoch, for the report; the kept epoch counts from 1."""
    epochs = [epoch for record in records for epoch in record.epochs]
    kept, before = None, 0
    for record in records:
        if record.best is not None:
            kept = before + record.best + 1
        before += len(record.epochs)
    return {"name": name, "kept": kept, "epochs": [asdict(epoch) for epoch in epochs]}


def _step_record(outcome: Outcome) -> dict[str, Any]:
    step, tuned = outcome.step, outcome.tuned
    planned = tuned.planned[0] if tuned else None
    validation = outcome.candidate.validation if outcome.candidate else None
    return {
        "name": step.name,
        "strategy": step.strategy,
        "boundary": step.boundary,
        "learning_rate": step.learning_rate,
        "status": tuned.status if tuned else "not run",
        "reason": tuned.reason if tuned else outcome.why_not,
        "epochs": step.epochs,
        "epochs_run": sum(len(record.epochs) for record in tuned.records) if tuned else 0,
        "views": step.views,
        "below": step.below,
        "share_below": step.share_below,
        "precision": planned.precision if planned else None,
        "layout": planned.layout if planned else None,
        "threads": planned.threads if planned else None,
        "accumulation": max((record.accumulation for record in tuned.records), default=1) if tuned else 1,
        "predicted_seconds": step.predicted_seconds,
        "predicted_seconds_otherwise": step.predicted_seconds_otherwise,
        "seconds": outcome.seconds,
        "cache_bytes": step.cache_bytes,
        "validation_accuracy": validation.metrics["accuracy"].value if validation else None,
        "frozen": asdict(tuned.records[0].frozen) if tuned and tuned.records else None,
    }
