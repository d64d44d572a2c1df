"""What a training leaves behind besides its weights: why it ended, and what each epoch brought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from headstart.training.frozen import FrozenProof

Ending = Literal["as planned", "early stopping", "not finite", "interrupted"]


class Ended(Exception):  # noqa: N818 -- no error, but what was found: fit ends with it instead of raising it
    """A phase ends in the middle of an epoch."""

    ending: ClassVar[Ending]


class NotFinite(Ended):
    """A loss or gradient is NaN or infinite."""

    ending = "not finite"


class Interrupted(Ended):
    """Somebody asked to stop."""

    ending = "interrupted"


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What an epoch brought.

    Attributes:
        train_loss: Mean over the epoch's batches, as they were trained on.
        validation_loss: The task's held-out loss over the validation examples after the epoch.
        seconds: How long it took.
    """

    train_loss: float
    validation_loss: float
    seconds: float


@dataclass(frozen=True, slots=True)
class PhaseRecord:
    """What a phase brought.

    Attributes:
        epochs: The epochs that were finished.
        best: Number of the epoch whose state was kept, from 0; ``None`` where that is the state before the phase.
        ending: Why the phase ended.
        reason: The same in a sentence.
        frozen: The proof that what lies below the boundary did not move.
        accumulation: Into how many parts memory forced each batch in the end.
    """

    epochs: tuple[EpochRecord, ...]
    best: int | None
    ending: Ending
    reason: str
    frozen: FrozenProof
    accumulation: int = 1

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> PhaseRecord:
        """What :meth:`to_json` gave."""
        epochs = tuple(EpochRecord(**epoch) for epoch in values["epochs"])
        return cls(**{**values, "epochs": epochs, "frozen": FrozenProof.from_json(values["frozen"])})
