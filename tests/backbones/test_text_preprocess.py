"""Texts to packed tokens, against the tokenizers library and against transformers."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from tests.backbones.small_texts import VOCABULARY, tokenizer
from tokenizers import Tokenizer, models, pre_tokenizers

from headstart.backbones.preprocess import PADDING, PREPROCESSES, preprocess_from_json, preprocess_to_json
from headstart.backbones.text_preprocess import TOKEN_BITS, TOKENIZER, TextPreprocess, tokenise
from headstart.core.assets import keep_asset

SECOND = 1 << TOKEN_BITS


def spec_of(made: Tokenizer, *, most_tokens: int = 12, blank: int = 0) -> TextPreprocess:
    return TextPreprocess(keep_asset(made.to_str().encode()), most_tokens, VOCABULARY, blank)


@pytest.fixture
def spec() -> TextPreprocess:
    return spec_of(tokenizer())


def test_it_is_registered_and_comes_back_from_json(spec: TextPreprocess) -> None:
    assert PREPROCESSES["text"] is TextPreprocess
    assert preprocess_from_json(json.loads(json.dumps(preprocess_to_json(spec)))) == spec
    assert (spec.size, spec.axes, spec.has_context) == (12, (-1,), True)
    assert spec.assets == {TOKENIZER: spec.tokenizer}
    assert spec.fitted_to([]) is spec


def test_tokens_of_a_text_are_the_tokenizers_own(spec: TextPreprocess) -> None:
    (found,) = tokenise(spec, [("w3 w1 nothing",)])
    assert found.dtype == np.int32
    assert found.tolist() == tokenizer().encode("w3 w1 nothing").ids == [2, 7, 5, 1, 3]


def test_the_second_text_is_marked_as_its_tokenizer_types_it(spec: TextPreprocess) -> None:
    (found,) = tokenise(spec, [("w0 w1", "w2")])
    encoding = tokenizer().encode("w0 w1", "w2")
    assert (found % SECOND).tolist() == encoding.ids
    assert (found // SECOND).tolist() == encoding.type_ids == [0, 0, 0, 0, 1, 1]


def test_the_second_text_is_marked_where_the_tokenizer_knows_no_types() -> None:
    made = Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    (found,) = tokenise(spec_of(made), [("a b", "b a")])
    assert found.tolist() == [0, 1, SECOND + 1, SECOND]


def test_what_is_too_long_loses_its_end_and_of_a_pair_the_longer_text() -> None:
    long, short = " ".join(f"w{number}" for number in range(20)), "w40 w41"
    text, pair = tokenise(spec_of(tokenizer()), [(long,), (long, short)])
    assert text.tolist() == [2, *range(4, 14), 3]
    assert (pair % SECOND).tolist() == [2, *range(4, 11), 3, 44, 45, 3]


def test_truncation_and_padding_in_the_tokenizers_file_do_not_count() -> None:
    made = tokenizer()
    made.enable_truncation(4)
    made.enable_padding(length=9)
    found = tokenise(spec_of(made), [("w0 w1 w2 w3",), ("w0",)])
    assert [row.tolist() for row in found] == [[2, 4, 5, 6, 7, 3], [2, 4, 3]]


def test_a_text_without_any_token_becomes_a_blank() -> None:
    made = tokenizer()
    made.post_processor = None
    assert [row.tolist() for row in tokenise(spec_of(made, blank=3), [("",), ("", ""), ("w1",)])] == [[3], [3], [5]]


def test_threads_may_tokenise_at_once(spec: TextPreprocess) -> None:
    texts = [(" ".join(f"w{(start + step) % 80}" for step in range(start % 9)),) for start in range(200)]
    alone = [tokenise(spec, [text])[0].tolist() for text in texts]
    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(lambda part: tokenise(spec, part), [texts[place::4] for place in range(4)]))
    assert [row.tolist() for row in together[1]] == alone[1::4]
    assert [row.tolist() for row in together[3]] == alone[3::4]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_random_inputs_are_ragged_and_hold_pairs(seed: int) -> None:
    batch = TextPreprocess("0" * 64, 64, VOCABULARY).random_inputs(6, seed=seed)
    lengths = (batch != PADDING).sum(axis=1)
    assert batch.dtype == np.int32
    assert batch.shape == (6, 40 + 8 * seed)
    assert lengths[0] == batch.shape[1]
    assert len(set(lengths)) > 2
    assert batch.min() == PADDING
    assert (batch % SECOND)[batch >= 0].max() < VOCABULARY
    assert {*(batch[0] // SECOND)} == {0, 1}
    assert TextPreprocess("0" * 64, 8, VOCABULARY).random_inputs(3).shape == (3, 8)


def test_the_entrance_gives_the_tokens_as_hidden_state_and_as_context(spec: TextPreprocess) -> None:
    batch = torch.tensor([[3, SECOND + 1, -1]], dtype=torch.int32)
    hidden, context = spec.entrance()(batch)
    assert hidden.dtype == context.dtype == torch.int64
    assert hidden.tolist() == context.tolist() == batch.tolist()


def test_tokenising_imports_neither_torch_nor_transformers(spec: TextPreprocess) -> None:
    program = (
        "import sys; from headstart.backbones.text_preprocess import TextPreprocess, tokenise\n"
        f"tokenise({spec!r}, [('w1',)])\n"
        "print(sorted({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
