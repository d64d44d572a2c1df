"""Questions about a text, as items: the content is the pair of question and text, the label its answers."""

from __future__ import annotations

import json
from dataclasses import dataclass

from headstart.core.errors import DataError
from headstart.data.items import BytesSource, Item, Split
from headstart.data.texts import SEPARATOR, text_content


@dataclass(frozen=True, slots=True)
class Answer:
    """A piece of the text.

    Attributes:
        start: Its first character in the text.
        text: Its characters.
    """

    start: int
    text: str

    @property
    def end(self) -> int:
        """The character behind its last."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a text.

    Attributes:
        question: What is asked.
        context: The text.
        answers: Pieces of the text that are right, each alone; none where the text does not answer the question,
            ``None`` where nobody has said.
    """

    question: str
    context: str
    answers: tuple[Answer, ...] | None = None

    @property
    def texts(self) -> list[str]:
        """The right answers without their places."""
        return [answer.text for answer in self.answers or ()]

    def item(self, id: str, *, group: str | None = None, split: Split | None = None) -> Item:  # noqa: A002
        """The question as an item."""
        label = None
        if self.answers is not None:
            label = json.dumps([[answer.start, answer.text] for answer in self.answers], ensure_ascii=False)
        return Item(id, BytesSource(text_content(self.question, self.context)), label, group, split)


def question_of(item: Item) -> Question:
    """The question that :meth:`Question.item` made an item of.

    Raises:
        DataError: The item is no pair of a question and a text.
    """
    content = item.source.read()
    question, separator, context = (
        content.decode("utf-8", "surrogatepass").partition(SEPARATOR) if isinstance(content, bytes) else ("", "", "")
    )
    if not separator:
        raise DataError(f"Expected {item.id} to be a question and a text, but it is one text or none.")
    answers = None if item.label is None else tuple(Answer(start, text) for start, text in json.loads(item.label))
    return Question(question, context, answers)
