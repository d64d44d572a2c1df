"""Sentences whose words bear tags, as items: the content is the words, the label is the tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headstart.core.errors import DataError
from headstart.data.items import BytesSource, Item, Split

#: Between words in an item's content, and between tags in its label; no word and no tag holds a line end.
_BETWEEN = "\n"


@dataclass(frozen=True, slots=True)
class Sentence:
    """Words, and what each of them is.

    Attributes:
        words: At least one.
        tags: One for each word; ``None`` where nobody has tagged them.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] | None = None

    @property
    def text(self) -> str:
        """The words with spaces between them."""
        return " ".join(self.words)

    @property
    def spans(self) -> list[tuple[int, int]]:
        """First and end character of each word in :attr:`text`.

        Example:
            >>> Sentence(("New", "York")).spans
            [(0, 3), (4, 8)]
        """
        found, begin = [], 0
        for word in self.words:
            found.append((begin, begin + len(word)))
            begin += len(word) + 1
        return found

    def item(self, id: str, *, group: str | None = None, split: Split | None = None) -> Item:  # noqa: A002
        """The sentence as an item."""
        content = _BETWEEN.join(self.words).encode("utf-8", "surrogatepass")
        label = None if self.tags is None else _BETWEEN.join(self.tags)
        return Item(id, BytesSource(content), label, group, split)


def sentence_of(item: Item) -> Sentence:
    """The sentence that :meth:`Sentence.item` made an item of.

    Raises:
        DataError: The item is no such sentence.
    """
    content = item.source.read()
    if not isinstance(content, bytes):
        raise DataError(f"Expected {item.id} to be words, but it holds numbers of shape {content.shape}.")
    words = tuple(content.decode("utf-8", "surrogatepass").split(_BETWEEN))
    tags = None if item.label is None else tuple(item.label.split(_BETWEEN))
    if tags is not None and len(tags) != len(words):
        raise DataError(f"Expected a tag for each of the {len(words)} words of {item.id}, but got {len(tags)}.")
    return Sentence(words, tags)


def tags_in(items: Sequence[Item]) -> tuple[str, ...]:
    """The tags that occur, sorted by type, then by prefix: ``O`` first.

    Example:
        >>> tags_in([Sentence(("in", "York"), ("O", "B-place")).item("1")])
        ('O', 'B-place')
    """
    found = {tag for item in items for tag in sentence_of(item).tags or ()}
    return tuple(sorted(found, key=lambda tag: (tag.partition("-")[2], tag)))
