"""A training that was tried, and what it reached on validation."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from headstart.evaluation.candidates import Candidate
from headstart.evaluation.summed import SummedScore
from headstart.transfer.tuning_plan import TuningStep

if TYPE_CHECKING:
    from headstart.transfer.task_training import Trained


@dataclass(frozen=True, eq=False)
class Attempt:
    """A training and what it reached on validation.

    Attributes:
        candidate: Its figures.
        trained: What the training came to; ``None`` where it was not begun.
        step: What was planned, where it is one of the plan's.
        held_out_loss: The task's own loss on validation, by which its best epoch was chosen.
    """

    candidate: Candidate
    trained: Trained | None
    step: TuningStep | None = None
    held_out_loss: float = float("inf")

    def without_network(self) -> Attempt:
        """The same, but for the network: many of them may be more than memory holds."""
        return self if self.trained is None else replace(self, trained=replace(self.trained, network=None))


def transfer_attempt(
    trained: Trained,
    name: str,
    strategy: str,
    *,
    seconds: float,
    validation: SummedScore,
    step: TuningStep | None = None,
) -> Attempt:
    """A training that rests on pretrained weights, with its figures.

    Args:
        trained: What it came to.
        name: What a person calls it.
        strategy: How it was trained, as a user writes it.
        seconds: What it took; see :func:`seconds_of`.
        validation: What its network reached.
        step: What was planned, where it is one of the plan's.
    """
    candidate = Candidate(
        name=name,
        strategy=strategy,
        kind="transfer",
        detail=trained.reason,
        seconds=seconds,
        epochs=trained.epochs,
        validation=validation,
    )
    return Attempt(candidate, trained, step, trained.held_out_loss)


def seconds_of(trained: Trained, *, begun: float) -> float:
    """What a training took; an earlier process may have done some of it.

    Args:
        trained: What it came to.
        begun: When this process took it up, by the performance counter.
    """
    return max(time.perf_counter() - begun, trained.seconds)
