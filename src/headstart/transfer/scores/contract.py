"""What a transferability score is given and what it is: a pure function to a number, higher is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError
from headstart.core.registry import Registry


@dataclass(frozen=True)
class Evidence:
    """Labelled examples as one backbone sees them.

    Attributes:
        features: ``(N, D)``, float32, pooled features.
        labels: ``(N,)``, int64, in ``0 .. classes - 1``; a class may have no example.
        classes: C, at least 2.
        source_probabilities: ``(N, S)``, what the source's own classifier takes each example for; rows sum to 1.
            ``None`` where there is no such classifier.
    """

    features: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: int
    source_probabilities: NDArray[np.floating] | None = None

    def __post_init__(self) -> None:
        """Refuses arrays that do not fit each other; all that is wrong with them stands in one message."""
        problems = list(_problems(self))
        if problems:
            raise UsageError("\n  - ".join(["A score cannot be computed from these arrays:", *problems]))

    def select(self, rows: NDArray[np.intp]) -> Evidence:
        """The examples ``rows``, in that order, with the same classes.

        Args:
            rows: ``(n,)``, places.
        """
        source = self.source_probabilities
        chosen = None if source is None else source[rows]
        return Evidence(self.features[rows], self.labels[rows], self.classes, chosen)


@dataclass(frozen=True)
class Score:
    """A transferability score.

    Attributes:
        name: As it is typed, ``"logme"``.
        label: As it is printed, ``"LogME"``.
        paper: Where it was published.
        needs_source_head: Whether it reads :attr:`Evidence.source_probabilities`; where there are none it does not
            exist.
        compute: Evidence to the score; higher is better, and only comparisons on the same examples mean anything.
        per_example: Evidence to ``(N,)`` values whose mean is the score, where it is such a mean; else ``None``.
    """

    name: str
    label: str
    paper: str
    needs_source_head: bool
    compute: Callable[[Evidence], float]
    per_example: Callable[[Evidence], NDArray[np.float64]] | None = None

    def exists_for(self, evidence: Evidence) -> bool:
        """Whether the score can be computed from this evidence."""
        return evidence.source_probabilities is not None or not self.needs_source_head


#: Scores by name; a third party's come through the entry-point group.
SCORES: Registry[Score] = Registry(
    "score",
    {
        "probe": "headstart.transfer.scores.probe:PROBE",
        "knn": "headstart.transfer.scores.knn:KNN",
        "logme": "headstart.transfer.scores.logme:LOGME",
        "hscore": "headstart.transfer.scores.hscore:HSCORE",
        "leep": "headstart.transfer.scores.leep:LEEP",
        "nce": "headstart.transfer.scores.nce:NCE",
    },
    group="headstart.scores",
)

#: What ``benchmarks/ranking.py`` supports; its table is in ``docs/ranking.md``.
DEFAULT_SCORE = "probe"


def source_probabilities_of(evidence: Evidence) -> NDArray[np.float64]:
    """The source's class probabilities ``(N, S)`` of evidence that must have them.

    Raises:
        UsageError: There are none.
    """
    if evidence.source_probabilities is None:
        raise UsageError(
            "Expected the class probabilities of the source's own classifier, but this backbone has none; "
            "take a score that needs features alone, such as 'probe'."
        )
    return np.asarray(evidence.source_probabilities, dtype=np.float64)


def _problems(evidence: Evidence) -> list[str]:
    features, labels, source = evidence.features, evidence.labels, evidence.source_probabilities
    problems = []
    if features.ndim != 2 or len(features) < 2:
        problems.append(f"Expected `features` to be (N, D) with N of 2 or more, but got {features.shape}.")
    if labels.shape != features.shape[:1]:
        problems.append(f"Expected `labels` to be one per row of `features`, but got {labels.shape}.")
    if evidence.classes < 2:
        problems.append(f"Expected 2 `classes` or more, but got {evidence.classes}.")
    if labels.size and not 0 <= labels.min() <= labels.max() < evidence.classes:
        problems.append(f"Expected labels in 0 .. {evidence.classes - 1}, but got {labels.min()} .. {labels.max()}.")
    if source is not None and (source.ndim != 2 or len(source) != len(features)):
        problems.append(f"Expected `source_probabilities` to be (N, S), but got {source.shape}.")
    return problems
