"""What a plan of trainings leaves in the record: tried, predicted, reached, cost, and why it stopped."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from headstart.evaluation.candidates import Candidate
from headstart.evaluation.intervals import Interval
from headstart.transfer.tuning_plan import TuningStep
from headstart.workflows.trained_tasks.attempt import Attempt
from headstart.workflows.trained_tasks.tuning import Tuning


def decision_record(
    tuning: Tuning,
    saved: Candidate,
    *,
    reason: str,
    ended: str,
    over_probe: Interval | None,
    metric: str,
    budget: float,
) -> dict[str, Any]:
    """The ``decision`` of ``metrics.json``.

    Args:
        tuning: What tuning came to.
        saved: What is saved.
        reason: Why it is.
        ended: Why tuning ended; see :func:`why_ended`.
        over_probe: By how much it is better on test than the head on frozen features; ``None`` where it is that head.
        metric: Name of the metric that decides.
        budget: Seconds that tuning was allowed.
    """
    steps: list[tuple[TuningStep, Attempt | None]] = list(zip(tuning.plan.steps, tuning.attempts, strict=True))
    steps += [(step, None) for step in tuning.plan.unaffordable]
    return {
        "budget_seconds": budget,
        "seconds": sum(attempt.candidate.seconds for attempt in tuning.begun),
        "chosen": saved.name,
        "reason": reason,
        "ended": ended,
        "invariances": [],
        "steps": [_step_record(step, attempt, metric) for step, attempt in steps],
        "over_probe": _difference(over_probe) if over_probe else None,
    }


def why_ended(tuning: Tuning, *, budget: float) -> str:
    """Why a plan ended, in a sentence.

    Args:
        tuning: What tuning came to.
        budget: Seconds that it was allowed.
    """
    plan = tuning.plan
    if not plan.steps:
        cheapest = plan.unaffordable[0]
        return (
            f"The budget of {budget:.0f} s bought no training: the cheapest, {cheapest.name}, would need about "
            f"{cheapest.predicted_seconds:.0f} s."
        )
    if any(attempt is None or _was_interrupted(attempt) for attempt in tuning.attempts):
        return f"Interrupted after {len(tuning.begun)} of {len(plan.steps)} trainings had begun."
    left = f"; {len(plan.unaffordable)} more did not fit into the budget" if plan.unaffordable else ""
    return f"{len(tuning.begun)} of {len(plan.steps)} planned trainings were done{left}."


def _was_interrupted(attempt: Attempt) -> bool:
    return attempt.trained is not None and attempt.trained.records[-1].ending == "interrupted"


def _difference(found: Interval) -> dict[str, float]:
    return {"difference": found.value, "low": found.low, "high": found.high}


def _step_record(step: TuningStep, attempt: Attempt | None, metric: str) -> dict[str, Any]:
    trained = attempt.trained if attempt else None
    planned = trained.planned[0] if trained else None
    validation = attempt.candidate.validation if attempt else None
    ending = trained.records[-1].ending if trained else ""
    return {
        "name": step.name,
        "strategy": step.strategy,
        "boundary": step.boundary,
        "learning_rate": step.learning_rate,
        "status": {"not finite": "failed", "interrupted": "interrupted", "": "not run"}.get(ending, "ok"),
        "reason": trained.reason if trained else "did not fit into the budget, or was interrupted before it began",
        "epochs": step.epochs,
        "epochs_run": trained.epochs if trained else 0,
        "views": 0,
        "below": step.below,
        "share_below": step.share_below,
        "precision": planned.precision if planned else None,
        "layout": planned.layout if planned else None,
        "threads": planned.threads if planned else None,
        "accumulation": max((record.accumulation for record in trained.records), default=1) if trained else 1,
        "predicted_seconds": step.predicted_seconds,
        "predicted_seconds_otherwise": step.predicted_seconds_otherwise,
        "seconds": attempt.candidate.seconds if attempt else None,
        "cache_bytes": step.cache_bytes,
        "validation_accuracy": validation.metrics[metric].value if validation else None,
        "frozen": asdict(trained.records[0].frozen) if trained else None,
    }
