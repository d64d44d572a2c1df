"""The text manifest: what one text becomes."""

import numpy as np
import pytest

from headstart.backbones.text_preprocess import TOKEN_BITS, TextPreprocess
from headstart.core.assets import keep_asset
from headstart.core.errors import UsageError
from headstart.data.items import UnreadableError
from headstart.data.modality import Exhibit
from headstart.data.texts import text_content
from headstart.modalities.text import TEXT

WORDS = ["[UNK]", "[CLS]", "[SEP]", "the", "film", "was", "good", "bad"]


@pytest.fixture
def preprocess(own_cache) -> TextPreprocess:
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.post_processor = tokenizers.processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    return TextPreprocess(keep_asset(tokenizer.to_str().encode()), most_tokens=8, vocabulary=len(WORDS))


def test_a_text_becomes_tokens_digest_hash_and_form(preprocess):
    prepared = TEXT.prepare(b"the film was good\r\n", preprocess)

    assert prepared.inputs.tolist() == [1, 3, 4, 5, 6, 2]
    assert prepared.inputs.dtype == np.int32
    assert prepared.inspection.size == (18, 4)
    assert prepared.inspection.notes == ()
    assert (prepared.plain.dtype, prepared.plain.shape) == (np.uint8, (1024,))
    np.testing.assert_array_equal(TEXT.prepare_reference(b"the film was good\r\n", preprocess), prepared.inputs)


def test_a_pair_keeps_its_texts_apart(preprocess):
    prepared = TEXT.prepare(text_content("the film", "was bad"), preprocess)

    assert (prepared.inputs & ((1 << TOKEN_BITS) - 1)).tolist() == [1, 3, 4, 2, 5, 7, 2]
    assert (prepared.inputs >> TOKEN_BITS).tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert prepared.inspection.size == (15, 4)


def test_texts_that_reach_the_limit_are_noted(preprocess):
    prepared = TEXT.prepare(b"the film was good " * 5, preprocess)

    assert len(prepared.inputs) == 8
    assert prepared.inspection.notes == ("reached the limit of 8 tokens; what is longer was cut off",)
    assert len(prepared.inspection.notes[0].encode()) <= 200


def test_without_a_backbone_there_are_no_inputs():
    prepared = TEXT.prepare("schön".encode("latin-1"), None)

    assert prepared.inputs.size == 0
    assert prepared.inspection.notes == ("not valid UTF-8, read as Latin-1",)
    with pytest.raises(UnreadableError):
        TEXT.prepare(b" ", None)


def test_equal_and_nearly_equal_texts_are_told_by_their_inspections():
    one, same, near = (TEXT.prepare(content, None) for content in (b"It rains.", b" It rains.\n", b"it RAINS"))

    assert one.inspection.content_digest == same.inspection.content_digest != near.inspection.content_digest
    assert one.inspection.near_hash == near.inspection.near_hash


def test_no_change_of_a_text_is_known_to_be_harmless(preprocess):
    with pytest.raises(UsageError, match="changes of a text that keep its label"):
        TEXT.changed(b"good", preprocess, np.random.default_rng(0), ())
    assert TEXT.jitter is None
    assert not TEXT.invariances


def test_an_exhibit_is_the_text_and_not_a_book():
    assert TEXT.exhibit(text_content("a <b>", "c")) == Exhibit(text="a <b>\x1ec")
    assert len(TEXT.exhibit(b"x" * 10_000).text) == 2001


def test_other_kinds_of_files_under_a_texts_name_are_noted(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"%PDF-1.7")
    (tmp_path / "b.txt").write_text("plain")

    assert TEXT.mismatch(tmp_path / "a.txt") == "is a PDF although its name ends in '.txt'"
    assert TEXT.mismatch(tmp_path / "b.txt") is None
    assert TEXT.mismatch(tmp_path / "gone.txt") is None


def test_the_small_network_reads_the_backbones_tokens(preprocess):
    pytest.importorskip("torch")
    from headstart.backbones.architectures import build

    small = TEXT.small_network([], preprocess)

    assert small.preprocess is preprocess
    model = build(small.library, small.architecture, preprocess.size, seed=0)
    assert any(parameter.shape[0] == len(WORDS) for parameter in model.parameters())


def test_the_rule_names_what_decides():
    assert TEXT.rule().startswith("text rule 1, Unicode ")
    assert "tokenizers" in TEXT.rule()
