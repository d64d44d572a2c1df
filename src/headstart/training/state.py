"""Where a training stands: what is needed besides tensors to go on from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from headstart.training.frozen import FrozenProof
from headstart.training.records import EpochRecord, PhaseRecord


@dataclass(slots=True)
class TrainingState:
    """Where a training stands; it changes with every step.

    Attributes:
        records: Of the phases that have ended.
        epochs: Of the present phase's epochs that have ended.
        step: Optimizer steps of the present epoch.
        steps: Optimizer steps of the whole training.
        loss_sum: Over the present epoch's examples.
        seconds: Spent on the present epoch when this was last saved.
        accumulation: Into how many parts each batch is split, so that memory suffices.
        frozen: What lies below the present phase's boundary; ``None`` between two phases.
    """

    records: list[PhaseRecord] = field(default_factory=list)
    epochs: list[EpochRecord] = field(default_factory=list)
    step: int = 0
    steps: int = 0
    loss_sum: float = 0.0
    seconds: float = 0.0
    accumulation: int = 1
    frozen: FrozenProof | None = None

    @property
    def phase(self) -> int:
        """Number of the present phase, from 0."""
        return len(self.records)

    @property
    def epoch(self) -> int:
        """Number of the present epoch in its phase, from 0."""
        return len(self.epochs)

    def end_epoch(self, record: EpochRecord) -> None:
        """The next epoch is the present one."""
        self.epochs.append(record)
        self.step, self.loss_sum, self.seconds = 0, 0.0, 0.0

    def end_phase(self, record: PhaseRecord) -> None:
        """The next phase is the present one; what an unfinished epoch left is forgotten."""
        self.records.append(record)
        self.epochs, self.frozen = [], None
        self.step, self.loss_sum, self.seconds = 0, 0.0, 0.0

    def has_ended(self, phases: int) -> bool:
        """Whether nothing is left to do of a plan of so many phases."""
        return self.phase >= phases or (self.phase > 0 and self.records[-1].ending == "not finite")

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> TrainingState:
        """What :meth:`to_json` gave."""
        return cls(
            **{
                **values,
                "records": [PhaseRecord.from_json(record) for record in values["records"]],
                "epochs": [EpochRecord(**epoch) for epoch in values["epochs"]],
                "frozen": FrozenProof.from_json(values["frozen"]) if values["frozen"] else None,
            }
        )
