"""What a task asks of the single tokens of a text, without any network: what to read, to learn, to answer, to measure.

An item becomes windows of tokens; a network gives every token of a window K numbers, by a linear head on the features
of that token; the numbers of all windows of an item become its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.text_preprocess import TextPreprocess
from headstart.backbones.token_windows import Window
from headstart.core.registry import Registry
from headstart.data.columns import Columns
from headstart.data.items import Item, ItemTable
from headstart.metrics.summed import SummedMetrics

if TYPE_CHECKING:
    from headstart.tasks.contract import Task

#: The target of a token that nothing is asked about.
IGNORED = -100


@dataclass(frozen=True, eq=False)
class PlainAnswers:
    """A model without any network.

    Attributes:
        name: What a person calls it: ``"most frequent tag"``.
        detail: How it answers, in a few words.
        answer: An item to its answer.
    """

    name: str
    detail: str
    answer: Callable[[Item], Any]


class TokenProblem(Protocol):
    """One task on one data set; a frozen dataclass of plain JSON values."""

    #: What is asked, in the field's own words: ``"token classification"``.
    name: ClassVar[str]
    #: What one item is called: ``"sentence"``.
    item_word: ClassVar[str]
    #: What somebody might type to have it answered.
    example: ClassVar[str]
    #: Endings of files that :meth:`read` reads.
    suffixes: ClassVar[frozenset[str]]

    @property
    def does(self) -> str:
        """What a model of it does, as the rest of a sentence: ``"marks 6 kinds of entities in sentences"``."""

    @property
    def classes(self) -> tuple[str, ...]:
        """What a report lists as classes; empty where there are none."""

    @property
    def outputs(self) -> int:
        """Numbers K that a network gives each token."""

    @property
    def metrics(self) -> SummedMetrics:
        """What is measured."""

    @staticmethod
    def read(data: str, *, columns: Columns | None = None) -> ItemTable:
        """Reads a data set."""

    @classmethod
    def of(cls, items: Sequence[Item]) -> Self:
        """The problem that training items pose.

        Raises:
            DataError: Nothing can be learned from them; all reasons in one message.
        """

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """What :func:`dataclasses.asdict` gave."""

    def task(self) -> Task:
        """Head and loss; imports torch."""

    def windows(self, item: Item, preprocess: TextPreprocess) -> list[Window]:
        """An item as a backbone reads it."""

    def notes(self, items: Sequence[Item], preprocess: TextPreprocess) -> list[str]:
        """What of these items a backbone cannot see, in sentences."""

    def targets(self, item: Item, windows: Sequence[Window]) -> list[NDArray[np.int64]]:
        """For each window what is to be learned of each token, ``(L,)``; :data:`IGNORED` where nothing is."""

    def chance(self, targets: Sequence[NDArray[np.int64]]) -> float:
        """The loss in nats of one who knows nothing of the single item."""

    def answer(self, item: Item, windows: Sequence[Window], logits: Sequence[NDArray[np.float32]]) -> Any:
        """From a network's numbers, ``(L, K)`` for each window, to the item's answer, as JSON values."""

    def summands(self, item: Item, answer: Any) -> tuple[float, ...]:
        """What the metrics of an answer are made of, one for each of their columns."""

    def how_wrong(self, item: Item, answer: Any) -> float:
        """By what the most wrong answers are found: 0 where it is right, more where it is worse."""

    def plain(self, items: Sequence[Item]) -> PlainAnswers:
        """What can be had from training items without any network."""

    def in_words(self, item: Item, answer: Any) -> str:
        """An answer as a person reads it."""

    def right_answer(self, item: Item) -> Any:
        """The answer that the item's label gives."""

    def text(self, item: Item) -> str:
        """The item as a person reads it."""

    def unlabelled(self, text: str) -> Item:
        """An item to be answered, from what somebody typed.

        Raises:
            UsageError: It cannot be one.
        """

    def per_class(self, items: Sequence[Item], answers: Sequence[Any]) -> dict[str, NDArray[np.float64]]:
        """For each class the summands of each item, shape ``(N, 3)``: right, predicted, there are; empty without."""


#: Tasks on tokens by the name that a user gives.
TOKEN_PROBLEMS: Registry[type[TokenProblem]] = Registry(
    "task on tokens",
    {
        "tokens": "headstart.tasks.tagging:Tagging",
        "qa": "headstart.tasks.span_answering:SpanAnswering",
    },
    group="headstart.token_problems",
)
