from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from headstart.backbones.text_preprocess import TOKEN_BITS, TextPreprocess, tokenise
from headstart.backbones.token_windows import Window, is_cut, question_windows, text_windows
from headstart.core.assets import keep_asset

TEXT = "The Empire State Building (ESB)  stands in New York; Café Zürich does not.\nIt is tall."


def word_pieces() -> Tokenizer:
    """Like BERT's: lower case, without accents, [CLS] and [SEP]."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=90, special_tokens=["[UNK]", "[CLS]", "[SEP]"])
    tokenizer.train_from_iterator([TEXT], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return tokenizer


def byte_pairs() -> Tokenizer:
    """Like GPT-2's: a token begins with the space before it, and there are no special tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator([TEXT], trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet))
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def kept(tokenizer: Tokenizer, most: int) -> TextPreprocess:
    content = tokenizer.to_str().encode()
    return TextPreprocess(keep_asset(content), most, vocabulary=tokenizer.get_vocab_size())


def covered(windows: list[Window]) -> set[int]:
    return {place for window in windows for start, end in window.spans for place in range(max(start, 0), max(end, 0))}


@pytest.mark.parametrize("made", [word_pieces, byte_pairs])
def test_a_short_text_is_one_window_with_the_tokens_of_the_backbone(made) -> None:  # type: ignore[no-untyped-def]
    spec = kept(made(), 200)
    (window,) = text_windows(spec, TEXT)
    np.testing.assert_array_equal(window.tokens, tokenise(spec, [(TEXT,)])[0])
    assert covered([window]) == {place for place, letter in enumerate(TEXT) if not letter.isspace()}
    (pair,) = question_windows(spec, "Where does it stand?", TEXT)
    np.testing.assert_array_equal(pair.tokens, tokenise(spec, [("Where does it stand?", TEXT)])[0])
    assert covered([pair]) == covered([window])


def test_spans_are_the_characters_of_their_tokens() -> None:
    tokenizer = word_pieces()
    (window,) = text_windows(kept(tokenizer, 200), TEXT)
    pieces = [tokenizer.id_to_token(int(token)).removeprefix("##") for token in window.tokens]
    plain = [TEXT[start:end].lower().replace("é", "e").replace("ü", "u") for start, end in window.spans]
    assert [plain[place] for place in np.flatnonzero(window.inside)] == pieces[1:-1]
    assert window.inside.tolist() == [False, *[True] * (len(pieces) - 2), False]


@pytest.mark.parametrize("made", [word_pieces, byte_pairs])
def test_a_long_text_is_covered_by_overlapping_windows(made) -> None:  # type: ignore[no-untyped-def]
    whole, spec = text_windows(kept(made(), 500), TEXT), kept(made(), 24)
    windows = text_windows(spec, TEXT)
    assert len(windows) > 1
    assert all(len(window.tokens) <= 24 for window in windows)
    assert covered(windows) == covered(whole)
    spans = [[tuple(span) for span in window.spans[window.inside].tolist()] for window in windows]
    assert all(len(set(before) & set(after)) >= 7 for before, after in pairwise(spans))


def test_every_window_of_a_long_text_begins_with_the_question() -> None:
    spec = kept(word_pieces(), 30)
    windows = question_windows(spec, "Is it tall?", TEXT)
    (asked,) = tokenise(spec, [("Is it tall?",)])
    assert len(windows) > 1
    for window in windows:
        np.testing.assert_array_equal(window.tokens[: len(asked)], asked)
        assert (window.tokens[len(asked) :] >> TOKEN_BITS == 1).all()
    assert covered(windows) == {place for place, letter in enumerate(TEXT) if not letter.isspace()}


def test_of_a_very_long_question_the_end_is_cut_away() -> None:
    spec = kept(word_pieces(), 40)
    windows = question_windows(spec, TEXT * 3, TEXT)
    assert covered(windows) == {place for place, letter in enumerate(TEXT) if not letter.isspace()}
    assert all((window.tokens >> TOKEN_BITS == 0).sum() <= 12 for window in windows)
    assert is_cut(spec, TEXT * 3)
    assert not is_cut(spec, "Is it tall?")


def test_a_text_in_which_the_tokenizer_finds_nothing_is_one_blank_token(tmp_path: Path) -> None:
    (window,) = text_windows(kept(byte_pairs(), 10), "")
    assert (window.tokens.tolist(), window.inside.tolist()) == ([0], [False])
