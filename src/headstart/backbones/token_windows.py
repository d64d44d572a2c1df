"""Texts as windows of tokens that know which characters they stand for: for tasks that ask about places in a text."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.text_preprocess import TextPreprocess, packed
from headstart.core.assets import asset
from headstart.core.errors import UnavailableError

#: Windows of a long text share this part of their tokens, so that whatever is near the end of one stands well inside
#: another (Devlin et al. 2019 take 128 of 384).
OVERLAP = 1 / 3
#: A question may take up this part of a window; the text that is asked about needs the rest.
_QUESTION = 1 / 4


@dataclass(frozen=True, eq=False)
class Window:
    """A piece of a text as a backbone reads it.

    Attributes:
        tokens: Packed as :mod:`headstart.backbones.text_preprocess` packs them, int32 ``(L,)``.
        spans: First and end character in the text of what each token stands for, int32 ``(L, 2)``; ``(-1, -1)`` for
            special tokens, those of a question, and those that stand for nothing but white space.
    """

    tokens: NDArray[np.int32]
    spans: NDArray[np.int32]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Which tokens are of the text, ``(L,)``."""
        return self.spans[:, 0] >= 0


def text_windows(preprocess: TextPreprocess, text: str) -> list[Window]:
    """A text as one window, or as overlapping ones where it is too long; no token of it is left out.

    Args:
        preprocess: Whose tokenizer, and the greatest length of a window.
        text: The text.

    Raises:
        UnavailableError: The tokenizers library is not installed.
        WeightsError: The tokenizer is not among the assets, or it is damaged.
    """
    tokenizer = _tokenizer(preprocess.tokenizer)
    most = preprocess.most_tokens - tokenizer.num_special_tokens_to_add(False)
    pieces = _pieces(tokenizer.encode(text, add_special_tokens=False), most)
    return [_window(tokenizer.post_process(piece), 0, text, preprocess) for piece in pieces]


def question_windows(preprocess: TextPreprocess, question: str, text: str) -> list[Window]:
    """A question beside a text, or beside overlapping pieces of it; of a very long question the end is cut away.

    Args:
        preprocess: Whose tokenizer, and the greatest length of a window.
        question: What is asked.
        text: What the spans of the windows count in.

    Raises:
        UnavailableError: The tokenizers library is not installed.
        WeightsError: The tokenizer is not among the assets, or it is damaged.
    """
    tokenizer = _tokenizer(preprocess.tokenizer)
    asked = tokenizer.encode(question, add_special_tokens=False)
    asked.truncate(_most_asked(preprocess))
    most = preprocess.most_tokens - tokenizer.num_special_tokens_to_add(True) - len(asked)
    pieces = _pieces(tokenizer.encode(text, add_special_tokens=False), most)
    return [_window(tokenizer.post_process(asked, piece), 1, text, preprocess) for piece in pieces]


def is_cut(preprocess: TextPreprocess, question: str) -> bool:
    """Whether :func:`question_windows` cuts the end of a question away."""
    tokens = _tokenizer(preprocess.tokenizer).encode(question, add_special_tokens=False)
    return len(tokens) > _most_asked(preprocess)


def _most_asked(preprocess: TextPreprocess) -> int:
    return int(_QUESTION * preprocess.most_tokens)


@lru_cache(maxsize=4)
def _tokenizer(sha256: str) -> Any:
    """The tokenizer, loaded once; encoding changes nothing of it."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise UnavailableError.missing_extra("a text backbone", module="tokenizers", extra="text") from error
    tokenizer = Tokenizer.from_file(str(asset(sha256)))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _pieces(encoding: Any, most: int) -> list[Any]:
    """An encoding in pieces of at most ``most`` tokens that overlap."""
    encoding.truncate(most, stride=int(OVERLAP * most))
    return [encoding, *encoding.overflowing]


def _window(encoding: Any, origin: int, text: str, preprocess: TextPreprocess) -> Window:
    """The window of an encoding; ``origin`` says which of its texts the spans count in."""
    tokens = packed(encoding, preprocess.blank)
    spans = np.full((len(tokens), 2), -1, np.int32)
    for place, (of, (start, end)) in enumerate(zip(encoding.sequence_ids, encoding.offsets, strict=True)):
        if of == origin:
            spans[place] = _without_spaces(start, end, text)
    return Window(tokens, spans)


def _without_spaces(start: int, end: int, text: str) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else (-1, -1)
