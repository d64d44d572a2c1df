"""What a run folder says about itself, typed: ``metrics.json``, ``manifest.json`` and ``evidence.json``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from headstart.artifacts.report.decode import decode
from headstart.artifacts.report.tuning_record import DecisionRecord, LearningCurve, StageChangeRecord
from headstart.backbones.card import Stage
from headstart.core.errors import RunFolderError

Outcome = Literal["helps", "hurts", "no difference shown", "not judged"]
Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured number with its 95 % interval; ``None`` where it is undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class DataName:
    """The data set: its short name, and what the user gave."""

    name: str
    origin: str


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """How well one class is recognised on the test split."""

    name: str = field(metadata={"key": "class"})
    support: int
    precision: Estimate | None
    recall: Estimate | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class CandidateRecord:
    """One way that was tried: a transfer, or a baseline that knows no pretraining."""

    name: str
    strategy: str
    kind: Literal["transfer", "baseline"]
    status: Literal["ok", "not converged", "not run", "failed"]
    detail: str = ""
    seconds: float | None = None
    budget_seconds: float | None = None
    epochs: float | None = None
    validation: Mapping[str, Estimate] | None = None
    test: Mapping[str, Estimate] | None = None

    def leading(self, split: Literal["validation", "test"]) -> Estimate | None:
        """The metric that decides, on ``split``, where it was measured: the first one of those that were."""
        metrics = self.validation if split == "validation" else self.test
        return next(iter((metrics or {}).values()), None)


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """Whether the pretraining helped: a paired difference in accuracy on the test split."""

    outcome: Outcome
    sentence: str
    against: str | None = None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    smallest_detectable: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def shown_difference(self) -> float | None:
        """The smallest detectable difference, unless the test split is too small to show any."""
        smallest = self.smallest_detectable
        return None if smallest is None or smallest >= 1 else smallest


@dataclass(frozen=True, slots=True)
class LabelPoint:
    """Accuracy reached with a number of labels per class."""

    per_class: int
    labels: int
    accuracy: Estimate


@dataclass(frozen=True, slots=True)
class StandingRecord:
    """Where a backbone stood by a score: its rank, and the ranks that the examples do not rule out."""

    value: float
    rank: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class RankedBackbone:
    """A backbone that ``--backbone auto`` looked at."""

    name: str
    outcome: str
    reason: str
    standings: Mapping[str, StandingRecord]


@dataclass(frozen=True, slots=True)
class BackboneChoiceRecord:
    """How ``--backbone auto`` chose: by a ranking on training items."""

    sentence: str
    examples: int
    scores: tuple[str, ...]
    candidates: tuple[RankedBackbone, ...]


@dataclass(frozen=True, slots=True)
class Metrics:
    """``metrics.json``: every figure of a run.

    ``item_word`` is what one example is called, such as ``"photo"``; ``leading`` the metric that decides; ``does`` what
    the model does, where it is not to tell classes apart.
    """

    headstart: str
    task: str
    data: DataName
    backbone: str
    strategy: str
    classes: tuple[str, ...]
    splits: Mapping[str, int]
    excluded: int
    test: Mapping[str, Estimate]
    candidates: tuple[CandidateRecord, ...]
    verdict: VerdictRecord
    seconds: Mapping[str, float]
    per_class: tuple[ClassFigures, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    label_curve: tuple[LabelPoint, ...] = ()
    excluded_by_reason: Mapping[str, int] = field(default_factory=dict)
    decision: DecisionRecord | None = None
    backbone_choice: BackboneChoiceRecord | None = None
    interrupted: bool = False
    item_word: str = "item"
    leading: str = "accuracy"
    does: str = ""
    run: str | None = None
    report: str | None = None

    def __post_init__(self) -> None:
        if self.leading not in self.test:
            raise ValueError(f"test: {self.leading} is missing")
        size = len(self.classes)
        if self.confusion and {len(self.confusion), *map(len, self.confusion)} != {size}:
            raise ValueError(f"confusion: expected {size} rows of {size} counts, one per class")

    def candidate(self, name: str) -> CandidateRecord | None:
        """The candidate of this name."""
        return next((entry for entry in self.candidates if entry.name == name), None)

    @property
    def own(self) -> CandidateRecord | None:
        """The candidate that is this run's model."""
        chosen = self.candidate(self.decision.chosen) if self.decision else None
        return chosen or next(iter(self.candidates), None)

    @property
    def probe(self) -> CandidateRecord | None:
        """The probe that tuning began with: the linear one, also beside an MLP."""
        probes = (entry for entry in self.candidates if entry.strategy == "probe")
        return self.candidate("linear probe") or next(probes, None)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The test items whose confidence lies from ``low`` to ``high``: mean confidence, and how often right."""

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class ExhibitRecord:
    """An item to look at, read or listen to; a report holds it all itself, so that opening it fetches nothing.

    Attributes:
        picture: ``data:`` URI of a picture; empty where there is none.
        text: Plain text; of a pair both, joined.
        sound: ``data:`` URI of a sound; empty where there is none.
        marks: The text in pieces, each with how much it spoke for the predicted class, in [-1, 1].
    """

    picture: str = ""
    text: str = ""
    sound: str = ""
    marks: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        for held, start in ((self.picture, "data:image/"), (self.sound, "data:audio/")):
            if held and not held.startswith(start):
                raise ValueError(f"expected {start}..., but got {held[:40]!r}")
        if not all(-1 <= weight <= 1 for _, weight in self.marks):
            raise ValueError("marks: expected weights from -1 to 1")


@dataclass(frozen=True, slots=True)
class WrongItem:
    """A test item that was given the wrong answer; how confidently, where that is known."""

    id: str
    label: str
    predicted: str
    confidence: float | None = None
    exhibit: ExhibitRecord = ExhibitRecord()


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """Two items that are nearly the same, and the splits they stand in."""

    first: str
    second: str
    first_split: str | None = None
    second_split: str | None = None
    difference: float | None = None
    exhibits: tuple[ExhibitRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One thing that was left out, and why."""

    id: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    """Everything that was left out or deserves a word."""

    excluded: tuple[LedgerEntry, ...] = ()
    ignored: tuple[LedgerEntry, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """``evidence.json``: what lies behind the figures; a part that was not gathered is empty."""

    reliability: tuple[ReliabilityBin, ...] = ()
    most_wrong: tuple[WrongItem, ...] = ()
    near_duplicates: tuple[NearDuplicate, ...] = ()
    ledger: LedgerRecord = LedgerRecord()
    curves: tuple[LearningCurve, ...] = ()
    stage_changes: tuple[StageChangeRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class BackboneRecord:
    """What the backbone's card says, with preprocessing of any kind: what is shown needs no code of that kind."""

    name: str
    source: str
    architecture: str
    library: str
    licence: str
    pretraining: str
    paper: str
    parameters: int
    sha256: str
    preprocess: Mapping[str, Any]
    stages: tuple[Stage, ...]

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("stages: expected at least one")

    @property
    def top(self) -> Stage:
        """The last stage."""
        return self.stages[-1]


@dataclass(frozen=True, slots=True)
class Manifest:
    """``manifest.json``: what the run was made from, how to make it again, and what may be given to be predicted."""

    headstart: str
    created: str
    command: str
    data: DataName
    backbone: BackboneRecord
    strategy: Mapping[str, Any]
    engine: Mapping[str, Any]
    seed: int | None
    versions: Mapping[str, str]
    hashes: Mapping[str, str] = field(default_factory=dict)
    rule: str = ""
    trained_backbone: bool | None = None
    allowed_licences: tuple[str, ...] = ()
    predict_example: tuple[str, ...] = ("FILE", "FOLDER/")


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run folder, read."""

    metrics: Metrics
    manifest: Manifest
    evidence: Evidence


def read_run(run: Path) -> RunRecord:
    """Reads what a run folder says about itself.

    Args:
        run: The run folder.

    Returns:
        Its three records.

    Raises:
        RunFolderError: A file is missing, is not JSON, or lacks what headstart writes; all its problems are named.
    """
    return RunRecord(
        metrics=_read(Metrics, run / "metrics.json"),
        manifest=_read(Manifest, run / "manifest.json"),
        evidence=_read(Evidence, run / "evidence.json"),
    )


def _read(kind: type[Record], path: Path) -> Record:
    """One file of a run."""
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise RunFolderError(f"Expected a run with {path.name}, but {path} is not there; name a run folder.") from None
    except ValueError as error:
        raise RunFolderError(f"Expected {path} to be JSON, but got {error}; fit again, or restore the file.") from None
    return decode(kind, values, path.name)
