"""How a text, or a pair of texts, becomes a backbone's input: as tokens of the backbone's own tokenizer.

One token is one integer, ``token + (second << 24)``: the number that the tokenizer gives it, and whether it belongs to
the second text of a pair. What the tokenizer itself puts behind the second text (BERT's last ``[SEP]``) belongs to
it where the tokenizer says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from headstart.backbones.preprocess import LENGTH_STEP, as_batch
from headstart.core.assets import asset
from headstart.core.errors import UnavailableError, WeightsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

#: Name of the tokenizer among the assets.
TOKENIZER = "tokenizer.json"

#: Bits of a packed token that hold its number; the next one says whether it is of the second text.
TOKEN_BITS = 24

#: Lengths of random inputs: those of sentences; the longest is in every batch.
_SHORTEST, _LONGEST = 4, 40


@dataclass(frozen=True, slots=True)
class TextPreprocess:
    """How a text becomes tokens.

    The tokenizer adds its special tokens; of what is too long the end is cut away, of a pair that of the longer text.

    Attributes:
        tokenizer: SHA-256 of the tokenizer, a JSON file of the tokenizers library, among the assets.
        most_tokens: Length of the longest input, special tokens among them.
        vocabulary: How many tokens the model knows.
        blank: The token that stands for a text in which the tokenizer finds none.
    """

    kind: ClassVar[str] = "text"

    tokenizer: str
    most_tokens: int
    vocabulary: int
    blank: int = 0

    @property
    def size(self) -> int:
        """The most tokens."""
        return self.most_tokens

    @property
    def axes(self) -> tuple[int]:
        """``(-1,)``: texts differ in length."""
        return (-1,)

    @property
    def has_context(self) -> bool:
        """Stages see from the tokens where there is padding, and what stands where."""
        return True

    @property
    def assets(self) -> Mapping[str, str]:
        """The tokenizer."""
        return {TOKENIZER: self.tokenizer}

    def random_inputs(self, count: int, *, seed: int = 0) -> NDArray[np.int32]:
        """Random tokens, int32 ``(count, L)``: rows as long as sentences, every other one a pair, filled up with -1.

        With another seed comes another ``L`` too.
        """
        import numpy as np

        generator = np.random.default_rng(seed)
        longest = min(self.most_tokens, _LONGEST + LENGTH_STEP * (seed % 3))
        lengths = [longest, *generator.integers(min(_SHORTEST, longest), longest + 1, count - 1)]
        rows = [generator.integers(0, self.vocabulary, length, dtype=np.int32) for length in lengths]
        for row in rows[::2]:
            row[len(row) // 2 :] += 1 << TOKEN_BITS
        return as_batch(rows)

    def fitted_to(self, batches: Iterable[NDArray[np.int32]]) -> TextPreprocess:
        """The same: nothing of it is scaled."""
        return self

    def entrance(self) -> nn.Module:
        """The tokens as they are, twice: they enter the first stage, and every stage rebuilds its context from them."""
        from headstart.backbones.text_tokens import TokenEntrance

        return TokenEntrance()


def tokenise(preprocess: TextPreprocess, contents: Sequence[tuple[str, ...]]) -> list[NDArray[np.int32]]:
    """Packed tokens of texts and pairs of texts, one int32 ``(L,)`` each, ``1 <= L <= most_tokens``; no padding.

    May be called from several threads at once.

    Args:
        preprocess: Whose tokenizer, and the greatest length.
        contents: A text, or a text and a second one, each.

    Raises:
        UnavailableError: The tokenizers library is not installed.
        WeightsError: The tokenizer is not among the assets, or it is damaged.
    """
    tokenizer = _tokenizer(preprocess.tokenizer, preprocess.most_tokens)
    texts = [content[0] if len(content) == 1 else content for content in contents]
    return [packed(encoding, preprocess.blank) for encoding in tokenizer.encode_batch(texts)]


def places(preprocess: TextPreprocess, content: tuple[str, ...]) -> list[tuple[int, int]]:
    """Where each token of :func:`tokenise` stands in the text: its first character, and the one behind its last.

    The second text of a pair counts on behind the first and one character between them. Special tokens stand nowhere:
    their beginning is their end.
    """
    tokenizer = _tokenizer(preprocess.tokenizer, preprocess.most_tokens)
    encoding = tokenizer.encode(*content)
    behind = len(content[0]) + 1
    return [
        (begin + behind, end + behind) if origin == 1 else (begin, end)
        for (begin, end), origin in zip(encoding.offsets, encoding.sequence_ids, strict=True)
    ]


@lru_cache(maxsize=4)
def _tokenizer(sha256: str, most_tokens: int) -> Any:
    """The tokenizer, loaded once; encoding changes nothing of it."""
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise UnavailableError.missing_extra("a text backbone", module="tokenizers", extra="text") from error
    path = asset(sha256)
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing more telling
        raise WeightsError(f"Expected a tokenizer in {path}, but it cannot be read: {error}.") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(most_tokens, strategy="longest_first")
    return tokenizer


def packed(encoding: Any, blank: int) -> NDArray[np.int32]:
    """The tokens of one text; the second text is what the tokenizer calls so by type, or by origin."""
    import numpy as np

    if not encoding.ids:
        return np.array([blank], dtype=np.int32)
    tokens = np.array(encoding.ids, dtype=np.int32)
    if encoding.n_sequences == 1:
        return tokens
    second = [kind == 1 or origin == 1 for kind, origin in zip(encoding.type_ids, encoding.sequence_ids, strict=True)]
    return tokens + (np.array(second, dtype=np.int32) << TOKEN_BITS)
