"""A tokenizer for running text."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.backbones import stream_tokenizer
from headstart.backbones.stream_tokenizer import StreamTokenizer
from headstart.backbones.text_preprocess import TextPreprocess
from headstart.core.assets import keep_asset
from headstart.data.token_blocks import Frame

tokenizers = pytest.importorskip("tokenizers")


@pytest.fixture
def bert_like(tmp_path, monkeypatch):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))
    words = ["[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "cat", "sat", "the", "on", "mat"]
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(words[:4])
    tokenizer.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", None, [("[CLS]", 1), ("[SEP]", 2)])
    tokenizer.enable_truncation(5)
    return TextPreprocess(keep_asset(tokenizer.to_str().encode()), most_tokens=5, vocabulary=len(words))


def test_frame_mask_and_special_tokens_are_found(bert_like):
    found = StreamTokenizer.of(bert_like)
    assert (found.frame, found.mask, found.special, found.vocabulary) == (Frame((1,), (2,)), 3, (0, 1, 2, 3), 10)


def test_nothing_is_cut_away_and_nothing_added(bert_like, monkeypatch):
    monkeypatch.setattr(stream_tokenizer, "_PIECE", 20)
    text = "the cat sat on the mat\na cat\n" * 7
    (tokens, nothing) = StreamTokenizer.of(bert_like).encode([text, ""])
    assert tokens.tolist() == [7, 5, 6, 8, 7, 9, 4, 5] * 7
    assert nothing.shape == (0,)
    assert nothing.dtype == np.int32
