"""Questions about texts in files of SQuAD 1.1 and 2.0: articles, their paragraphs, questions, answers and places."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headstart.core.errors import DataError
from headstart.data.columns import Columns
from headstart.data.items import Exclusion, Item, ItemTable, Ledger, Split
from headstart.data.questions import Answer, Question
from headstart.data.readers.conll import split_of_file
from headstart.data.readers.split_names import second_split_is_test
from headstart.data.readers.text_files import open_text

_LAYOUT = '{"data": [{"title": ..., "paragraphs": [{"context": ..., "qas": [{"question": ..., "answers": [...]}]}]}]}'


def read_squad(data: str, *, columns: Columns | None = None) -> ItemTable:
    """Reads a file, or a folder with a file for each split.

    Questions about one article are of one group. A question with ``is_impossible`` has no answer in its text; one
    without answers otherwise has no label. An answer that does not stand where it is said to is left out, and so is a
    question of which none is left, with the nearest place where it does stand.

    Args:
        data: A JSON file, or a folder with files such as ``train-v2.0.json`` and ``dev-v2.0.json``.
        columns: Of no use here; refused where any is named.

    Raises:
        DataError: There is no such file, or one is not in the layout of SQuAD.
    """
    (columns or Columns()).refuse_for(data)
    path, ledger = Path(data), Ledger()
    if not path.exists():
        raise DataError(f"Expected a file or folder with questions, but there is nothing at {path}.")
    items: dict[str, Item] = {}
    for file, split in _files(path):
        for item in _File(file, split, ledger).items():
            if item.id in items:
                ledger.excluded.append(Exclusion(item.id, "repeated id", f"in {file.name}; the first one is used"))
            items.setdefault(item.id, item)
    if not items:
        raise DataError(f"Expected questions in {path}, but found none; the layout is {_LAYOUT}.")
    return second_split_is_test(ItemTable(path.resolve().stem, data, tuple(items.values()), ledger))


def _files(path: Path) -> list[tuple[Path, Split | None]]:
    if path.is_file():
        return [(path, None)]
    return [(file, split_of_file(file.name)) for file in sorted(path.glob("*.json"))]


class _File:
    """One file in the layout of SQuAD."""

    def __init__(self, path: Path, split: Split | None, ledger: Ledger) -> None:
        self._path, self._split, self._ledger = path, split, ledger

    def items(self) -> Iterator[Item]:
        """Its questions, in order."""
        try:
            with open_text(self._path, self._ledger) as stream:
                articles = json.load(stream)["data"]
            for number, article in enumerate(articles, start=1):
                group = str(article.get("title") or f"{self._path.name}, article {number}")
                for paragraph in article["paragraphs"]:
                    yield from self._questions(paragraph, group)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(
                f"Expected {self._path} to be in the layout of SQuAD, {_LAYOUT}, but found {type(error).__name__}: "
                f"{error}."
            ) from error

    def _questions(self, paragraph: Mapping[str, Any], group: str) -> Iterator[Item]:
        context = str(paragraph["context"])
        for number, entry in enumerate(paragraph["qas"], start=1):
            name = str(entry.get("id") or f"{group}, question {number}: {entry['question']}")
            answers = self._answers(entry, context, name)
            if answers is not None or not entry.get("answers"):
                question = Question(str(entry["question"]), context, answers)
                yield question.item(name, group=group, split=self._split)

    def _answers(self, entry: Mapping[str, Any], context: str, name: str) -> tuple[Answer, ...] | None:
        """The answers that stand where they are said to; ``None`` where nobody has answered or none is left."""
        if entry.get("is_impossible"):
            return ()
        given = [Answer(int(answer["answer_start"]), str(answer["text"])) for answer in entry.get("answers", ())]
        right = [answer for answer in given if _stands(answer, context)]
        wrong = [answer for answer in given if answer not in right]
        if wrong and not right:
            self._ledger.excluded.append(Exclusion(name, "answer not in its place", _whereabouts(wrong[0], context)))
        elif wrong:
            self._ledger.notes.append(f"{name}: an answer was left out: {_whereabouts(wrong[0], context)}.")
        return tuple(dict.fromkeys(right)) or None


def _stands(answer: Answer, context: str) -> bool:
    return bool(answer.text) and answer.start >= 0 and context.startswith(answer.text, answer.start)


def _whereabouts(answer: Answer, context: str) -> str:
    """Where an answer was expected, and the nearest place where it stands."""
    places = [place for place in range(len(context)) if answer.text and context.startswith(answer.text, place)]
    there = context[max(0, answer.start) : max(0, answer.end)]
    found = f"Expected {answer.text!r} at character {answer.start}, but there stands {there!r}"
    if not places:
        return f"{found}, and it stands nowhere in the text"
    return f"{found}; it stands at {min(places, key=lambda place: abs(place - answer.start))}"
