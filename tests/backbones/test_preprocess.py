"""Ways of preparing: written and read, whatever a file says; inputs of different lengths as a batch and back."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from headstart.backbones.card import ImagePreprocess
from headstart.backbones.preprocess import (
    LENGTH_STEP,
    PADDING,
    PREPROCESSES,
    as_batch,
    is_ragged,
    longest_in,
    preprocess_from_json,
    preprocess_to_json,
)
from headstart.backbones.text_preprocess import TextPreprocess
from headstart.core.errors import WeightsError

HALF = (0.5, 0.5, 0.5)
IMAGE = ImagePreprocess(32, 0.875, "bicubic", HALF, HALF)
TEXT = TextPreprocess("a" * 64, 32, 90, blank=3)

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=9)


def rows_of(lengths: list[int]) -> list[NDArray[np.int32]]:
    random = np.random.default_rng(sum(lengths))
    return [random.integers(0, 1000, length, dtype=np.int32) for length in lengths]


@pytest.mark.parametrize("spec", [IMAGE, TEXT], ids=lambda spec: spec.kind)
def test_a_spec_is_read_as_it_was_written(spec: Any) -> None:
    written = preprocess_to_json(spec)
    assert written["kind"] == spec.kind
    as_in_a_file = {name: list(value) if isinstance(value, tuple) else value for name, value in written.items()}
    assert preprocess_from_json(as_in_a_file) == spec


def test_what_was_written_before_there_were_kinds_is_for_pictures() -> None:
    written = preprocess_to_json(IMAGE)
    del written["kind"]
    assert preprocess_from_json(written) == IMAGE


BROKEN: dict[str, Any] = {
    "a kind that nobody knows": preprocess_to_json(IMAGE) | {"kind": "smell"},
    "a kind that is no name": preprocess_to_json(IMAGE) | {"kind": ["image"]},
    "an unexpected value": preprocess_to_json(IMAGE) | {"__class__": "os.system"},
    "a missing value": {"kind": "text"},
    "no values at all": ["text"],
    "a size of none": preprocess_to_json(IMAGE) | {"size": 0},
    "a size in words": preprocess_to_json(TEXT) | {"most_tokens": "many"},
    "a way out of the folder": preprocess_to_json(TEXT) | {"tokenizer": "../../secret"},
    "a file elsewhere": preprocess_to_json(TEXT) | {"tokenizer": "/etc/passwd"},
    "a number for a file": preprocess_to_json(TEXT) | {"tokenizer": 5},
    "a hash and a line": preprocess_to_json(TEXT) | {"tokenizer": "a" * 64 + "\n"},
}


@pytest.mark.parametrize("values", BROKEN.values(), ids=BROKEN)
def test_whatever_a_file_says_is_read_or_refused_kindly(values: Any) -> None:
    with pytest.raises(WeightsError, match="another version of headstart"):
        preprocess_from_json(values)


@pytest.mark.parametrize("kind", list(PREPROCESSES))
def test_every_kind_knows_its_name(kind: str) -> None:
    assert PREPROCESSES[kind].kind == kind


def test_inputs_of_one_shape_are_stacked() -> None:
    inputs = [np.full((2, 3), number, dtype=np.uint8) for number in range(4)]
    assert not is_ragged(inputs[0])
    np.testing.assert_array_equal(as_batch(inputs), np.stack(inputs))


@given(LENGTHS)
def test_rows_of_any_lengths_come_out_of_a_batch_again(lengths: list[int]) -> None:
    inputs = rows_of(lengths)
    batch = as_batch(inputs)
    assert is_ragged(inputs[0])
    assert batch.dtype == np.int32
    assert batch.shape[1] % LENGTH_STEP == 0
    assert 0 <= batch.shape[1] - max(lengths) < LENGTH_STEP
    assert [row[row != PADDING].tolist() for row in batch] == [values.tolist() for values in inputs]


@given(LENGTHS, st.integers(0, 3))
def test_a_batch_is_cut_to_what_its_longest_needs(lengths: list[int], more: int) -> None:
    batch = as_batch(rows_of(lengths))
    padded = np.pad(batch, ((0, 0), (0, LENGTH_STEP * more)), constant_values=PADDING)
    assert longest_in(padded) == batch.shape[1]


def test_no_more_is_kept_than_there_is() -> None:
    assert longest_in(np.array([[1, 2, 3]])) == 3
