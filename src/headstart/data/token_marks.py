"""From a weight per token to a weight per piece of text, for people to read."""

from __future__ import annotations

import re
from collections.abc import Sequence

from headstart.core.errors import UsageError

#: Punctuation, Latin and Chinese.
_SIGN = r"!-/:-@\[-`{-~\u00a1-\u00bf\u2010-\u205e\u3001-\u303f\uff01-\uff0f\uff1a-\uff20"
#: Kana and Chinese characters: written without spaces, so that each is a piece of its own.
_ALONE = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTER = rf"[^\s{_SIGN}{_ALONE}]"
#: A word with its inner apostrophes, a character or sign that stands alone, or the space between.
_PIECE = re.compile(rf"{_LETTER}+(?:['’]{_LETTER}+)*|[{_SIGN}{_ALONE}]|\s+")


def pieces(offsets: Sequence[tuple[int, int]], text: str, weights: Sequence[float]) -> tuple[tuple[str, float], ...]:
    """The whole text in order, cut into words, signs and the spaces between them, each with its tokens' weights.

    A piece gets the sum of its tokens' weights, so that they still add up to what they were a part of; where a sum
    leaves [-1, 1], all of them are made smaller by the same factor. A token belongs to the piece in which its first
    character that is no space stands. What no token covers, such as the end of a text that was too long, weighs
    nothing, and a token without characters, such as one that marks the end, belongs to no piece.

    Args:
        offsets: For each token its first character in ``text`` and the one behind its last.
        text: As it was tokenised; of a pair both texts, joined, and offsets count on through the second.
        weights: In [-1, 1]; those behind the last offset belong to padding.

    Returns:
        Pieces whose texts make up ``text``, and their weights in [-1, 1].

    Raises:
        UsageError: There are fewer weights than offsets, or an offset lies outside the text.

    Example:
        >>> pieces([(0, 0), (0, 3), (3, 5), (6, 10), (10, 11)], "Unfit, end.", [0.1, 0.25, 0.5, -0.25, 0.0])
        (('Unfit', 0.75), (',', 0.0), (' ', 0.0), ('end', -0.25), ('.', 0.0))
    """
    if len(weights) < len(offsets):
        raise UsageError(f"Expected a weight for each of {len(offsets)} tokens, but got {len(weights)}.")
    if any(not 0 <= start <= end <= len(text) for start, end in offsets):
        raise UsageError(f"Expected offsets within a text of {len(text)} characters, but got {list(offsets)}.")
    found = [match.group() for match in _PIECE.finditer(text)]
    piece_at = [number for number, piece in enumerate(found) for _ in piece]
    sums = [0.0] * len(found)
    for (start, end), weight in zip(offsets, weights, strict=False):
        if start < end:
            sums[piece_at[_first_sign(text, start, end)]] += float(weight)
    largest = max([1.0, *map(abs, sums)])
    return tuple((piece, total / largest) for piece, total in zip(found, sums, strict=True))


def _first_sign(text: str, start: int, end: int) -> int:
    """The first place that holds no space; ``start`` where all do."""
    return next((place for place in range(start, end) if not text[place].isspace()), start)
