"""Running text as a language model sees it: tokens in splits, blocks to learn from, and windows to be judged on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.card import BackboneCard
from headstart.backbones.stream_tokenizer import StreamTokenizer
from headstart.backbones.text_preprocess import TextPreprocess
from headstart.backbones.transformers_architecture import read_architecture
from headstart.backbones.transformers_text_families import family_of
from headstart.core.errors import DataError, UsageError
from headstart.data.items import SPLITS, Split
from headstart.data.text_streams import Streams
from headstart.data.token_blocks import Frame, framed_blocks, windows
from headstart.tasks.language_model import MaskedTokens, NextToken, Objective
from headstart.training.language_examples import LanguageExamples

#: Tokens of a block that is learned from, at most; and of a window that is judged on.
BLOCK, WINDOW = 256, 1024
#: A validation split that is looked at after every epoch has at most so many blocks.
MOST_VALIDATION = 256

Held = Literal["validation", "test"]


@dataclass(frozen=True, eq=False)
class Corpus:
    """Tokens of running text.

    Attributes:
        streams: The text.
        tokenizer: What made tokens of it.
        objective: What is asked.
        preprocess: The backbone's.
        tokens: By split, ``(T,)`` each, without special ones.
    """

    streams: Streams
    tokenizer: StreamTokenizer
    objective: Objective
    preprocess: TextPreprocess
    tokens: dict[Split, NDArray[np.int32]]

    @property
    def frame(self) -> Frame:
        """The special tokens around a block; a model that says what comes next is not told that nothing does."""
        frame = self.tokenizer.frame
        return Frame(frame.before, () if self.objective.ahead else frame.after)

    @property
    def window(self) -> int:
        """Tokens that are read at once where the model is judged, special ones among them."""
        return min(WINDOW, self.preprocess.most_tokens)

    @property
    def stride(self) -> int:
        """Tokens that a window judges, after the first; a quarter of it is context."""
        most = self.window - self.frame.size
        return -(-3 * most // 4) if self.objective.ahead else most

    @property
    def unasked(self) -> int:
        """How many tokens at the very beginning cannot be asked for, since nothing stands before them."""
        return 1 if self.objective.ahead and not self.frame.before else 0

    def words(self, split: Held) -> int:
        """Words of a text: what stands between white space."""
        return len((self.streams.test if split == "test" else self.streams.validation).split())

    def blocks(self, split: Split = "train") -> list[NDArray[np.int32]]:
        """A split in blocks, one behind the other, special tokens around each."""
        return framed_blocks([self.tokens[split]], min(BLOCK, self.preprocess.most_tokens), self.frame)

    def ask(self, blocks: Sequence[NDArray[np.int32]], *, device: str = "cpu") -> LanguageExamples:
        """Blocks as examples to learn from or to choose by."""
        return LanguageExamples(blocks, self.objective, self.preprocess.entrance(), device=device)

    def chosen_by(self, *, device: str = "cpu") -> LanguageExamples:
        """Some blocks of the validation split, evenly spaced, to be looked at after every epoch."""
        blocks = self.blocks("validation")
        step = -(-len(blocks) // MOST_VALIDATION)
        return self.ask(blocks[::step], device=device)

    def judged(self, split: Held, *, device: str = "cpu") -> LanguageExamples:
        """All of a split, every token once: in overlapping windows, so that each is foretold from much text before it.

        A masked model sees text on both sides and is judged on windows side by side, at the same masked places always.
        """
        tokens, frame = self.tokens[split], self.frame
        if not self.objective.ahead:
            return self.ask(framed_blocks([tokens], self.window, frame), device=device)
        found = list(windows(len(tokens), length=self.window - frame.size, stride=self.stride))
        return LanguageExamples(
            [frame.around(tokens[window.begin : window.end]) for window in found],
            self.objective,
            self.preprocess.entrance(),
            judged_from=[len(frame.before) + window.scored - window.begin for window in found],
            device=device,
        )

    def identity(self) -> str:
        """A hash over all tokens and what is asked."""
        sums = [hashlib.sha256(self.tokens[split].tobytes()).hexdigest() for split in SPLITS]
        return hashlib.sha256(" ".join([*sums, repr(self.objective)]).encode()).hexdigest()


def corpus_of(streams: Streams, card: BackboneCard) -> Corpus:
    """The text in a backbone's own tokens.

    Raises:
        UsageError: The backbone reads no text, or knows no way to be asked for tokens.
        DataError: There are too few tokens in a split.
    """
    objective, tokenizer, preprocess = objective_of(card)
    texts: dict[Split, str] = {"train": streams.train, "validation": streams.validation, "test": streams.test}
    tokens = dict(zip(texts, tokenizer.encode(list(texts.values())), strict=True))
    if short := [split for split, found in tokens.items() if len(found) < 2]:
        raise DataError(
            f"Expected at least two tokens in every split, but {' and '.join(short)} have fewer; give more text."
        )
    return Corpus(streams, tokenizer, objective, preprocess, tokens)


def objective_of(card: BackboneCard) -> tuple[Objective, StreamTokenizer, TextPreprocess]:
    """What a backbone can be asked for: the next token where it sees only what stands before, else masked ones.

    Raises:
        UsageError: It reads no text, or its tokenizer has no mask token.
    """
    preprocess = card.preprocess
    if not isinstance(preprocess, TextPreprocess) or card.library != "transformers_text":
        raise UsageError(
            f"Expected a backbone that reads text in tokens, but {card.name} does not; choose one of hf:, or leave "
            "--backbone out."
        )
    tokenizer = StreamTokenizer.of(preprocess)
    if family_of(read_architecture(card.architecture)[0]).causal:
        return NextToken(), tokenizer, preprocess
    if tokenizer.mask is None:
        raise UsageError(
            f"Expected a model that says what comes next, or one with a mask token, but {card.name} is neither; "
            "choose another backbone."
        )
    return MaskedTokens(tokenizer.mask, preprocess.vocabulary, tokenizer.special), tokenizer, preprocess
