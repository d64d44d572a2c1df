"""A long stream of tokens cut into blocks: to learn from, and to be judged on with as much context as a model takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError

Tokens = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Frame:
    """The special tokens that a model was trained to see around every text.

    Attributes:
        before: ``(101,)``, BERT's ``[CLS]``; ``()`` for GPT-2.
        after: ``(102,)``, BERT's ``[SEP]``.
    """

    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        """Tokens that it takes."""
        return len(self.before) + len(self.after)

    def around(self, tokens: Tokens) -> Tokens:
        """The tokens inside the frame."""
        return np.concatenate([np.array(self.before, np.int32), tokens, np.array(self.after, np.int32)])


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a stream that a model reads at once, and the part of it that is judged.

    Attributes:
        begin: First token that is read.
        end: First token that is not read.
        scored: First token that is judged; those before it are context and were judged by the window before.
    """

    begin: int
    end: int
    scored: int


def blocks(tokens: Tokens, length: int) -> list[Tokens]:
    """Blocks of ``length`` tokens, one behind the other; the last one is shorter where they do not come out even.

    Args:
        tokens: Shape ``(T,)``.
        length: At least 1.

    Example:
        >>> [block.tolist() for block in blocks(np.arange(5, dtype=np.int32), 2)]
        [[0, 1], [2, 3], [4]]
    """
    _check(length, length)
    return [tokens[begin : begin + length] for begin in range(0, len(tokens), length)]


def framed_blocks(texts: Sequence[Tokens], length: int, frame: Frame) -> list[Tokens]:
    """Texts as blocks of at most ``length`` tokens, each inside a frame; a text without tokens gives none."""
    return [frame.around(block) for tokens in texts for block in blocks(tokens, length - frame.size)]


def windows(count: int, *, length: int, stride: int) -> Iterator[Window]:
    """Overlapping windows in which every token of a stream is judged exactly once.

    The first window judges all that it reads; every further one judges the next ``stride`` tokens, each with at least
    ``length - stride`` tokens of context before it.

    Args:
        count: Tokens in the stream.
        length: The most that a model reads at once.
        stride: From 1, the dearest and most exact, to ``length``, without overlap.

    Raises:
        UsageError: The stride is not in 1 .. length.

    Example:
        >>> [(window.begin, window.scored, window.end) for window in windows(7, length=4, stride=2)]
        [(0, 0, 4), (2, 4, 6), (3, 6, 7)]
    """
    _check(length, stride)
    scored = 0
    while scored < count:
        end = min(count, scored + stride if scored else length)
        yield Window(max(0, end - length), end, scored)
        scored = end


def _check(length: int, stride: int) -> None:
    if not 1 <= stride <= length:
        raise UsageError(f"Expected blocks of 1 token or more and a stride of 1 to {length}, but got {stride}.")
