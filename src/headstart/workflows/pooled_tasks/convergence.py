"""Whether a network from random weights may be compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headstart.evaluation.candidates import Candidate, Status
from headstart.training.convergence import why_not_converged
from headstart.workflows.token_tasks.trainings import Attempt

if TYPE_CHECKING:
    from headstart.transfer.token_training import Trained


def judged(trained: Trained, name: str, *, budget: float, chance: float) -> Attempt:
    """A training from random weights with its status; see :func:`headstart.training.convergence.why_not_converged`.

    Args:
        trained: What it came to; without records where its budget bought too few epochs.
        name: Of the candidate.
        budget: Seconds that it was allowed.
        chance: The loss of one who knows nothing of the single item.
    """
    from headstart.transfer.token_training import LEAST_EPOCHS

    if not trained.records:
        need = LEAST_EPOCHS * trained.planned[0].epoch_seconds
        return not_run(
            name, f"{LEAST_EPOCHS} epochs would need about {need:.0f} seconds; raise --baseline-budget", budget
        )
    status, detail = _status(trained, chance)
    candidate = Candidate(name, "scratch", "baseline", status, detail, budget_seconds=budget, epochs=trained.epochs)
    return Attempt(candidate, trained, held_out_loss=trained.held_out_loss)


def not_run(name: str, reason: str, budget: float) -> Attempt:
    """A training that was not begun."""
    return Attempt(Candidate(name, "scratch", "baseline", "not run", reason, budget_seconds=budget), None)


def _status(trained: Trained, chance: float) -> tuple[Status, str]:
    record = trained.records[-1]
    if record.ending == "interrupted":
        return "not converged", "interrupted"
    if record.ending == "not finite":
        return "not converged", record.reason
    missing = why_not_converged(
        [epoch.train_loss for epoch in record.epochs],
        [epoch.validation_loss for epoch in record.epochs],
        chance=chance,
    )
    if not missing:
        return "ok", record.reason
    advice = "; raise --baseline-budget" if trained.planned[0].epochs < trained.planned[0].phase.epochs else ""
    return "not converged", f"{record.reason}; {missing}{advice}"
