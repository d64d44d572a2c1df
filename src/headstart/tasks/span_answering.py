"""The piece of a text that answers a question, or that there is none: extractive question answering."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.text_preprocess import TextPreprocess
from headstart.backbones.token_windows import Window, is_cut, question_windows
from headstart.core.errors import DataError, UsageError
from headstart.data.columns import Columns
from headstart.data.items import Item, ItemTable
from headstart.data.questions import Answer, Question, question_of
from headstart.data.readers.squad import read_squad
from headstart.data.texts import SEPARATOR
from headstart.metrics.squad import exact_match, token_f1
from headstart.metrics.summed import Formula, SummedMetrics
from headstart.tasks.token_problem import IGNORED, PlainAnswers
from headstart.tasks.word_overlap import likely_piece

if TYPE_CHECKING:
    from headstart.tasks.contract import Task

#: What the targets of tokens are made of.
STARTS, ENDS = 1, 2
#: An answer has at most so many tokens, as in BERT's own code.
MOST_TOKENS = 30

_COLUMNS = ("exact", "f1", "questions", "answerable", "answerable_exact", "answerable_f1")


def _over(part: str, whole: str, *, rest: bool = False) -> Formula:
    """The ratio of two sums; with ``rest`` that of the questions without an answer."""
    above, below = _COLUMNS.index(part), _COLUMNS.index(whole)

    def ratio(totals: NDArray[np.float64]) -> NDArray[np.float64]:
        top, bottom = totals[..., above], totals[..., below]
        if rest:
            top, bottom = totals[..., 0] - top, totals[..., 2] - bottom
        return np.asarray(np.divide(top, bottom, out=np.zeros(np.shape(top)), where=bottom > 0))

    return ratio


_ANSWERABLE = SummedMetrics(_COLUMNS, "exact_match", {"f1": _over("f1", "questions")}, {"exact_match": "exact"})
_ALSO_NOT = SummedMetrics(
    _COLUMNS,
    "exact_match",
    {
        "f1": _over("f1", "questions"),
        "exact_match_answerable": _over("answerable_exact", "answerable"),
        "f1_answerable": _over("answerable_f1", "answerable"),
        "exact_match_unanswerable": _over("answerable_exact", "answerable", rest=True),
    },
    {"exact_match": "exact"},
)


@dataclass(frozen=True, slots=True)
class SpanAnswering:
    """The piece of a text that answers a question.

    Attributes:
        knows_none: Whether some training questions have no answer in their text, so that there is such an answer.
    """

    name: ClassVar[str] = "question answering"
    item_word: ClassVar[str] = "question"
    example: ClassVar[str] = "Where did she live? Ada Lovelace lived in London."
    suffixes: ClassVar[frozenset[str]] = frozenset({".json"})
    classes: ClassVar[tuple[str, ...]] = ()
    outputs: ClassVar[int] = 2

    knows_none: bool = False

    @property
    def does(self) -> str:
        """What a model of it does."""
        return "finds the answers to questions in a text" + (", or that there is none" if self.knows_none else "")

    @property
    def metrics(self) -> SummedMetrics:
        """Exact match and F1, where there are questions without an answer also for both kinds of questions apart."""
        return _ALSO_NOT if self.knows_none else _ANSWERABLE

    @staticmethod
    def read(data: str, *, columns: Columns | None = None) -> ItemTable:
        """Reads files of SQuAD."""
        return read_squad(data, columns=columns)

    @classmethod
    def of(cls, items: Sequence[Item]) -> SpanAnswering:
        """The problem that training questions pose.

        Raises:
            DataError: None of them has an answer.
        """
        answers = [question_of(item).answers for item in items]
        if not any(answers):
            raise DataError("Expected training questions with answers in their texts, but none has one.")
        return cls(() in answers)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> SpanAnswering:
        """What :func:`dataclasses.asdict` gave."""
        return cls(bool(values["knows_none"]))

    def task(self) -> Task:
        """Head and loss."""
        from headstart.tasks.question_answering import QuestionAnswering

        return QuestionAnswering()

    def windows(self, item: Item, preprocess: TextPreprocess) -> list[Window]:
        """The question beside the text, or beside overlapping pieces of it."""
        question = question_of(item)
        return question_windows(preprocess, question.question, question.context)

    def notes(self, items: Sequence[Item], preprocess: TextPreprocess) -> list[str]:
        """Questions that are too long."""
        cut = sum(is_cut(preprocess, question_of(item).question) for item in items)
        return [f"Of {cut:,} very long questions the end was cut away."] if cut else []

    def targets(self, item: Item, windows: Sequence[Window]) -> list[NDArray[np.int64]]:
        """Where the first of the right answers begins and ends: at the first token, in a window that lacks it."""
        return [_targets(question_of(item), window) for window in windows]

    def chance(self, targets: Sequence[NDArray[np.int64]]) -> float:
        """The mean logarithm of the number of tokens that are asked about."""
        return float(np.mean([math.log((wanted != IGNORED).sum()) for wanted in targets]))

    def answer(self, item: Item, windows: Sequence[Window], logits: Sequence[NDArray[np.float32]]) -> str:
        """The characters from the likeliest beginning to the likeliest end of one window.

        The score of a piece is the sum of its beginning's and its end's logits. Where training knew questions without
        an answer, there is none if no piece scores higher than the lowest score, over the windows, of their first
        tokens.
        """
        context = question_of(item).context
        score, start, end = max(_best_piece(window, found) for window, found in zip(windows, logits, strict=True))
        nowhere = min(float(found[0].sum()) for found in logits)
        return "" if self.knows_none and nowhere >= score else context[start:end]

    def summands(self, item: Item, answer: str) -> tuple[float, ...]:
        """Exact match and F1; 1; and the same where the text has an answer."""
        answers = question_of(item).texts
        exact, overlap, there = exact_match(answers, answer), token_f1(answers, answer), float(bool(answers))
        return exact, overlap, 1.0, there, there * exact, there * overlap

    def how_wrong(self, item: Item, answer: str) -> float:
        """1 less the overlap with the right answer; 0 where that is matched exactly."""
        exact, overlap, *_ = self.summands(item, answer)
        return 0.0 if exact else 1.0 - overlap

    def plain(self, items: Sequence[Item]) -> PlainAnswers:
        """Words of the sentence that is most like the question; see :mod:`headstart.tasks.word_overlap`."""
        lengths = [len(text.split()) for item in items for text in question_of(item).texts[:1]]
        usual = max(1, round(float(np.median(lengths)))) if lengths else 1
        return PlainAnswers(
            "word overlap",
            f"{usual} words beside those of the question, in the sentence that shares most with it",
            lambda item: likely_piece(question_of(item), usual),
        )

    def in_words(self, item: Item, answer: str) -> str:
        """The answer itself."""
        return answer or "no answer"

    def right_answer(self, item: Item) -> str:
        """The first of the right answers."""
        return next(iter(question_of(item).texts), "")

    def text(self, item: Item) -> str:
        """The question, then the text."""
        question = question_of(item)
        return f"{question.question}\n{question.context}"

    def unlabelled(self, text: str) -> Item:
        """A question and a text, separated by a line end, or by the first question mark.

        Raises:
            UsageError: One of them is missing.
        """
        question, _, context = text.partition(SEPARATOR if SEPARATOR in text else "\n")
        if not context.strip() and "?" in text:
            question, mark, context = text.partition("?")
            question += mark
        if not question.strip() or not context.strip():
            raise UsageError(
                "Expected a question and then, behind its question mark or on the next line, the text that answers it, "
                f"but got {text[:60]!r}."
            )
        return Question(question.strip(), context.strip()).item(question.strip())

    def per_class(self, items: Sequence[Item], answers: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Nothing: there are no classes."""
        return {}


def _targets(question: Question, window: Window) -> NDArray[np.int64]:
    targets = np.where(window.inside, 0, IGNORED).astype(np.int64)
    targets[0] = 0
    first, last = 0, 0
    if question.answers:
        begin, end = _without_spaces(question.answers[0])
        inside = np.flatnonzero(window.inside)
        starts, ends = window.spans[inside].T
        if len(inside) and starts[0] <= begin and end <= ends[-1]:
            first = int(inside[np.searchsorted(starts, begin, side="right") - 1])
            last = int(inside[np.searchsorted(ends, end, side="left")])
    targets[first] += STARTS
    targets[last] += ENDS
    return targets


def _without_spaces(answer: Answer) -> tuple[int, int]:
    """First and end character of an answer, less the white space around it."""
    text = answer.text
    return answer.start + len(text) - len(text.lstrip()), answer.end - len(text) + len(text.rstrip())


def _best_piece(window: Window, logits: NDArray[np.float32]) -> tuple[float, int, int]:
    """The score of the best piece of a window, its first and its end character."""
    inside = np.flatnonzero(window.inside)
    if not len(inside):
        return -math.inf, 0, 0
    starts, ends = logits[inside].T
    best = (-math.inf, 0, 0)
    for length in range(min(MOST_TOKENS, len(inside))):
        scores = starts[: len(inside) - length] + ends[length:]
        place = int(scores.argmax())
        if scores[place] > best[0]:
            best = (
                float(scores[place]),
                int(window.spans[inside[place], 0]),
                int(window.spans[inside[place + length], 1]),
            )
    return best
