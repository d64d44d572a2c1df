"""A tag for every word of a sentence: named entities, parts of speech."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.text_preprocess import TextPreprocess
from headstart.backbones.token_windows import Window, text_windows
from headstart.core.errors import DataError, UsageError
from headstart.data.columns import Columns
from headstart.data.items import Item, ItemTable
from headstart.data.readers.conll import SUFFIXES, read_conll
from headstart.data.sentences import Sentence, sentence_of, tags_in
from headstart.metrics.entity_f1 import (
    OUTSIDE,
    entities,
    entity_counts,
    entity_f1,
    entity_precision,
    entity_recall,
    mark_entities,
)
from headstart.metrics.summed import SummedMetrics
from headstart.tasks.token_problem import IGNORED, PlainAnswers
from headstart.tasks.word_places import word_places

if TYPE_CHECKING:
    from headstart.tasks.contract import Task

_COLUMNS = ("entities_right", "entities_predicted", "entities", "words_right", "words")


def _token_accuracy(totals: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(totals[..., 3] / totals[..., 4])


_ACCURACY = SummedMetrics(_COLUMNS, "token_accuracy", {"token_accuracy": _token_accuracy})
_ENTITIES = SummedMetrics(
    _COLUMNS,
    "entity_f1",
    {
        "entity_f1": lambda totals: entity_f1(totals[..., :3]),
        "entity_precision": lambda totals: entity_precision(totals[..., :3]),
        "entity_recall": lambda totals: entity_recall(totals[..., :3]),
        "token_accuracy": _token_accuracy,
    },
)


@dataclass(frozen=True, slots=True)
class Tagging:
    """One tag out of T for each word.

    A word is asked about at its first token; where a long sentence is several windows, in the one in which that token
    stands farthest from the ends.

    Attributes:
        tags: The tags of the training sentences.
    """

    name: ClassVar[str] = "token classification"
    item_word: ClassVar[str] = "sentence"
    example: ClassVar[str] = "Ada Lovelace lived in London"
    suffixes: ClassVar[frozenset[str]] = SUFFIXES - {".txt", ".tsv"}

    tags: tuple[str, ...]

    @property
    def marks_entities(self) -> bool:
        """Whether the tags mark entities; then whole entities are judged, else every word on its own."""
        return mark_entities(self.tags)

    @property
    def classes(self) -> tuple[str, ...]:
        """Types of entities, or the tags themselves."""
        if not self.marks_entities:
            return self.tags
        return tuple(sorted({tag.partition("-")[2] for tag in self.tags if tag != OUTSIDE}))

    @property
    def does(self) -> str:
        """What a model of it does."""
        count = len(self.classes)
        if self.marks_entities:
            return f"marks {count} kind{'s' if count > 1 else ''} of entities in sentences ({', '.join(self.classes)})"
        return f"gives each word of a sentence one of {count} tags ({', '.join(self.classes)})"

    @property
    def outputs(self) -> int:
        """One for each tag."""
        return len(self.tags)

    @property
    def metrics(self) -> SummedMetrics:
        """Entity F1 where the tags mark entities, else the share of words that are right."""
        return _ENTITIES if self.marks_entities else _ACCURACY

    @staticmethod
    def read(data: str, *, columns: Columns | None = None) -> ItemTable:
        """Reads files of the CoNLL shared tasks."""
        return read_conll(data, columns=columns)

    @classmethod
    def of(cls, items: Sequence[Item]) -> Tagging:
        """The problem that training sentences pose.

        Raises:
            DataError: They have fewer than two tags.
        """
        tags = tags_in(items)
        if len(tags) < 2:
            raise DataError(
                f"Expected at least two different tags in the training sentences, but found only "
                f"{', '.join(tags) or 'none'}; the last column of each line is read as the tag of its word."
            )
        return cls(tags)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Tagging:
        """What :func:`dataclasses.asdict` gave."""
        return cls(tuple(values["tags"]))

    def task(self) -> Task:
        """Head and loss."""
        from headstart.tasks.token_classification import TokenClassification

        return TokenClassification(len(self.tags))

    def windows(self, item: Item, preprocess: TextPreprocess) -> list[Window]:
        """The words with spaces between them, as windows."""
        return text_windows(preprocess, sentence_of(item).text)

    def notes(self, items: Sequence[Item], preprocess: TextPreprocess) -> list[str]:
        """Words in which the tokenizer finds nothing."""
        words = sum(len(sentence_of(item).words) for item in items)
        found = sum(
            int((places >= 0).sum())
            for item in items
            for places in word_places(sentence_of(item), self.windows(item, preprocess))
        )
        if words == found:
            return []
        return [
            f"In {words - found:,} of {words:,} words the tokenizer finds nothing: they are never answered but with O."
        ]

    def targets(self, item: Item, windows: Sequence[Window]) -> list[NDArray[np.int64]]:
        """The number of each word's tag at the word's first token; a tag that training does not know is not asked."""
        sentence, number = sentence_of(item), {tag: place for place, tag in enumerate(self.tags)}
        wanted = np.array([number.get(tag, IGNORED) for tag in sentence.tags or ()] + [IGNORED], dtype=np.int64)
        return [wanted[words] for words in word_places(sentence, windows)]

    def chance(self, targets: Sequence[NDArray[np.int64]]) -> float:
        """The entropy of the tags: that of one who knows how often each occurs."""
        asked = np.concatenate(list(targets))
        counts = np.bincount(asked[asked != IGNORED], minlength=len(self.tags))
        shares = counts[counts > 0] / counts.sum()
        return float(-(shares * np.log(shares)).sum())

    def answer(self, item: Item, windows: Sequence[Window], logits: Sequence[NDArray[np.float32]]) -> list[str]:
        """The likeliest tag of each word; ``O``, or the first tag, for a word in which the tokenizer finds nothing."""
        sentence = sentence_of(item)
        found = [OUTSIDE if OUTSIDE in self.tags else self.tags[0]] * len(sentence.words)
        for words, scores in zip(word_places(sentence, windows), logits, strict=True):
            for place in np.flatnonzero(words >= 0):
                found[words[place]] = self.tags[int(scores[place].argmax())]
        return found

    def summands(self, item: Item, answer: list[str]) -> tuple[float, ...]:
        """Entities right, predicted and there; words right and there."""
        tags = sentence_of(item).tags or ()
        right = sum(given == tag for given, tag in zip(answer, tags, strict=True))
        return (*entity_counts(tags, answer), right, len(tags))

    def how_wrong(self, item: Item, answer: list[str]) -> float:
        """Entities that were missed or made up; words with a wrong tag where there are no entities."""
        right, predicted, there, words_right, words = self.summands(item, answer)
        return predicted + there - 2 * right if self.marks_entities else words - words_right

    def plain(self, items: Sequence[Item]) -> PlainAnswers:
        """The tag that each word bears most often in training, whatever stands around it; new words as all of them."""
        seen: dict[str, Counter[str]] = defaultdict(Counter)
        for item in items:
            sentence = sentence_of(item)
            for word, tag in zip(sentence.words, sentence.tags or (), strict=False):
                seen[word][tag] += 1
        usual = {word: _most_frequent(tags) for word, tags in seen.items()}
        otherwise = _most_frequent(sum(seen.values(), Counter()))
        return PlainAnswers(
            "most frequent tag",
            f"of each of {len(usual):,} words; {otherwise} for others",
            lambda item: [usual.get(word, otherwise) for word in sentence_of(item).words],
        )

    def in_words(self, item: Item, answer: list[str]) -> str:
        """The entities, or each word with its tag."""
        words = sentence_of(item).words
        if not self.marks_entities:
            return " ".join(f"{word}/{tag}" for word, tag in zip(words, answer, strict=True))
        found = [f"{kind}: {' '.join(words[first:end])}" for first, end, kind in sorted(entities(answer))]
        return "; ".join(found) or "no entity"

    def right_answer(self, item: Item) -> list[str]:
        """The sentence's own tags."""
        return list(sentence_of(item).tags or ())

    def text(self, item: Item) -> str:
        """The words with spaces between them."""
        return sentence_of(item).text

    def unlabelled(self, text: str) -> Item:
        """A sentence whose words are what stands between white space.

        Raises:
            UsageError: There are none.
        """
        if not text.split():
            raise UsageError("Expected a sentence with at least one word, but got nothing; write one in quotes.")
        return Sentence(tuple(text.split())).item(text)

    def per_class(self, items: Sequence[Item], answers: Sequence[list[str]]) -> dict[str, NDArray[np.float64]]:
        """For each class, and each sentence: right, predicted, there are."""
        pairs = [
            (self._marked(self.right_answer(item)), self._marked(found))
            for item, found in zip(items, answers, strict=True)
        ]
        return {
            name: np.array(
                [
                    (len(one & other), len(other), len(one))
                    for right, given in pairs
                    for one, other in [(_of_kind(right, name), _of_kind(given, name))]
                ],
                dtype=np.float64,
            )
            for name in self.classes
        }

    def _marked(self, tags: Sequence[str]) -> frozenset[tuple[int, int, str]]:
        if self.marks_entities:
            return entities(tags)
        return frozenset((place, place + 1, tag) for place, tag in enumerate(tags))


def _most_frequent(tags: Counter[str]) -> str:
    return min(tags, key=lambda tag: (-tags[tag], tag))


def _of_kind(marked: frozenset[tuple[int, int, str]], kind: str) -> frozenset[tuple[int, int, str]]:
    return frozenset(mark for mark in marked if mark[2] == kind)
