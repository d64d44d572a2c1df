"""What a task asks of a whole item: what its label says, what to learn, what to answer, what to measure.

A network gives each item K numbers, by a linear head on its pooled features; these become the item's answer. Targets
are ``(N, K)`` as they are learned, answers ``(N, K)`` as they are judged; no room but this one looks into either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from headstart.core.registry import Registry
from headstart.evaluation.summed import SummedScore
from headstart.evaluation.verdict import Comparison
from headstart.features.rows import Rows, SelectableRows
from headstart.transfer.heads import LinearHead

if TYPE_CHECKING:
    from headstart.tasks.contract import Task

Targets = NDArray[np.float32]
Outputs = NDArray[np.float64]

_ROWS = 8192


@dataclass(frozen=True, eq=False)
class SolvedHead:
    """A head that was solved on fixed features.

    Attributes:
        head: The head.
        detail: How it was chosen, in a few words.
        facts: What the manifest says of that.
        converged: Whether solving came to an end.
    """

    head: LinearHead
    detail: str
    facts: dict[str, Any]
    converged: bool = True


@dataclass(frozen=True, eq=False)
class AsClasses:
    """One of the K numbers of an answer as classes, for a model that can only tell classes apart.

    Its answer is the mean of what the classes stand for, each weighted by its probability.

    Attributes:
        labels: Class numbers, ``(N,)``; each class is among the training examples.
        answers: What each class stands for, ``(C,)``.
        detail: How that was done, in a few words.
    """

    labels: NDArray[np.int64]
    answers: NDArray[np.float64]
    detail: str


class PooledProblem(Protocol):
    """One task on one data set; a frozen dataclass of plain JSON values."""

    #: What is asked, in the field's own words: ``"regression"``.
    name: ClassVar[str]
    #: The metric that decides; the higher the better.
    leading: ClassVar[str]
    #: The same as people write it: ``"R²"``.
    leading_in_words: ClassVar[str]
    #: Whether a small random change of an item, as its modality knows them, leaves its label as it is.
    label_survives_jitter: ClassVar[bool]
    #: What an empty cell of labels says; ``None`` where it says nothing, and its item is left out.
    empty_label: ClassVar[str | None]

    @property
    def does(self) -> str:
        """What a model of it does, as the rest of a sentence: ``"predicts a number"``."""

    @property
    def classes(self) -> tuple[str, ...]:
        """What a report lists as classes; empty where there are none."""

    @staticmethod
    def canonical(labels: Sequence[str], *, origin: str) -> list[str]:
        """The labels of a whole data set, each in one canonical form.

        Raises:
            DataError: Some cannot be read; all of them in one message.
        """

    @staticmethod
    def strata(labels: Sequence[str]) -> list[str]:
        """For each canonical label the stratum that splits and folds are to have alike shares of."""

    @classmethod
    def of(cls, labels: Sequence[str]) -> Self:
        """The problem that the canonical labels of training items pose.

        Raises:
            DataError: Nothing can be learned from them; all reasons in one message.
        """

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """What :func:`dataclasses.asdict` gave."""

    def unknown(self, labels: Sequence[str]) -> list[str]:
        """What other canonical labels name that this problem does not know; empty where nothing is."""

    def targets(self, labels: Sequence[str]) -> Targets:
        """Canonical labels as they are learned, ``(N, K)``."""

    def task(self) -> Task:
        """Head and loss; imports torch."""

    def solve(
        self,
        features: SelectableRows,
        targets: Targets,
        *,
        strata: NDArray[np.int64],
        groups: Sequence[str] | None,
        seed: int,
    ) -> SolvedHead:
        """The head that suits fixed features, in closed form or by a convex fit."""

    def calibrated(self, head: LinearHead, features: Rows, targets: Targets) -> LinearHead:
        """A head that was trained step by step, as confident as these held-out items allow."""

    def held_out_loss(self, outputs: Outputs, targets: Targets) -> float:
        """The task's own loss on held-out items, as :meth:`headstart.tasks.contract.Task.held_out_loss` has it."""

    def chance(self, targets: Targets) -> float:
        """The loss of one who knows nothing of the single item."""

    def constant(self, targets: Targets) -> NDArray[np.float64]:
        """The best answer of one who knows nothing of the single item, ``(K,)``."""

    def answers(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """From a network's numbers to answers, ``(N, K)``."""

    def as_classes(self, targets: Targets, *, train: NDArray[np.intp]) -> list[AsClasses]:
        """The task as K of classes, by what the training examples (places ``train``) are."""

    def score(
        self, targets: Targets, answers: NDArray[np.float64], *, groups: NDArray[Any] | None, seed: int
    ) -> SummedScore:
        """Metrics with intervals of some answers."""

    def compare(self, ours: SummedScore, theirs: SummedScore, *, groups: NDArray[Any] | None, seed: int) -> Comparison:
        """The leading metric of two models on the same items."""

    def per_class(
        self, targets: Targets, answers: NDArray[np.float64], *, groups: NDArray[Any] | None
    ) -> list[dict[str, Any]]:
        """What ``metrics.json`` says of each class; empty where there are none."""

    def how_wrong(self, targets: Targets, answers: NDArray[np.float64]) -> NDArray[np.float64]:
        """By what the most wrong answers are found, ``(N,)``: 0 where right, more where worse."""

    def in_words(self, answer: NDArray[np.float64]) -> str:
        """An answer ``(K,)`` as a person reads it."""

    def label_in_words(self, label: str) -> str:
        """A canonical label as a person reads it."""

    def to_json(self, answer: NDArray[np.float64]) -> Any:
        """An answer ``(K,)`` as JSON values."""


#: Tasks on whole items by the name that a user gives.
POOLED_PROBLEMS: Registry[type[PooledProblem]] = Registry(
    "task on whole items",
    {
        "multilabel": "headstart.workflows.pooled_tasks.multilabel:Multilabel",
        "regression": "headstart.workflows.pooled_tasks.regression:Regression",
    },
    group="headstart.pooled_problems",
)


def outputs_of(head: LinearHead, features: Rows) -> Outputs:
    """What a linear head gives for feature rows, divided by its temperature: ``(N, K)``."""
    found = np.empty((features.shape[0], len(head.bias)))
    for place, rows in features.chunks(_ROWS):
        found[place] = (rows @ head.weight.T + head.bias) / head.temperature
    return found
