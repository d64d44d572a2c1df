"""A text backbone's tokenizer for running text: whole texts without an end cut away, and without special tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.text_preprocess import TextPreprocess
from headstart.core.assets import asset
from headstart.core.errors import UnavailableError
from headstart.data.token_blocks import Frame

#: Long texts are encoded in pieces of so many characters that end with a line.
_PIECE = 1 << 16

_MASKS = ("[MASK]", "<mask>")


@dataclass(frozen=True)
class StreamTokenizer:
    """What language modelling asks of a tokenizer.

    Attributes:
        tokenizer: Of the tokenizers library.
        vocabulary: How many tokens the model knows.
        frame: The special tokens around a text.
        mask: Number of the mask token; ``None`` where there is none.
        special: Numbers of all special tokens.
    """

    tokenizer: Any
    vocabulary: int
    frame: Frame
    mask: int | None
    special: tuple[int, ...]

    @classmethod
    def of(cls, preprocess: TextPreprocess) -> StreamTokenizer:
        """The tokenizer of a backbone.

        Raises:
            UnavailableError: The tokenizers library is not installed.
            WeightsError: The tokenizer is not among the assets, or it is damaged.
        """
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise UnavailableError.missing_extra("a text backbone", module="tokenizers", extra="text") from error
        tokenizer = Tokenizer.from_file(str(asset(preprocess.tokenizer)))
        tokenizer.no_padding()
        tokenizer.no_truncation()
        added = tokenizer.get_added_tokens_decoder()
        masks = [number for number, token in added.items() if token.content in _MASKS]
        special = tuple(sorted(number for number, token in added.items() if token.special))
        return cls(tokenizer, preprocess.vocabulary, _frame(tokenizer), masks[0] if masks else None, special)

    def encode(self, texts: Sequence[str]) -> list[NDArray[np.int32]]:
        """The tokens of each text, ``(L,)``, without special ones."""
        pieces = [list(_pieces(text)) for text in texts]
        encoded = iter(
            self.tokenizer.encode_batch([piece for text in pieces for piece in text], add_special_tokens=False)
        )
        found = []
        for text in pieces:
            tokens = [np.array(next(encoded).ids, dtype=np.int32) for _ in text]
            found.append(np.concatenate(tokens) if tokens else np.zeros(0, np.int32))
        return found


def _pieces(text: str) -> Iterator[str]:
    begin = 0
    while begin < len(text):
        end = text.find("\n", begin + _PIECE) + 1 or len(text)
        yield text[begin:end]
        begin = end


def _frame(tokenizer: Any) -> Frame:
    """What the tokenizer puts before and behind a text."""
    framed, bare = (tokenizer.encode("a", add_special_tokens=special).ids for special in (True, False))
    before = next(place for place in range(len(framed)) if framed[place : place + len(bare)] == bare)
    return Frame(tuple(framed[:before]), tuple(framed[before + len(bare) :]))
