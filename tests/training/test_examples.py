import numpy as np
import pytest
import torch

from headstart.backbones.card import ImagePreprocess
from headstart.training.activations import InputExamples
from headstart.training.augment import Augmentation
from headstart.training.examples import Batch

RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (10, 6, 6, 3)).astype(np.uint8)
PREPROCESS = ImagePreprocess(6, 1.0, "bilinear", (0.1, 0.2, 0.3), (0.5, 0.25, 1.0))


def make() -> InputExamples:
    return InputExamples(
        lambda rows, _: PICTURES[rows], np.arange(10), preprocess=PREPROCESS, jitter=Augmentation(shift=0.3)
    )


def test_a_batch_is_normalised_and_keeps_labels_with_pictures() -> None:
    batch = make().batch(np.array([3, 0]), None)
    expected = (PICTURES[[3, 0]] / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.25, 1.0]
    np.testing.assert_allclose(batch.inputs.permute(0, 2, 3, 1).numpy(), expected, atol=1e-5)
    assert batch.targets.tolist() == [3, 0]
    assert batch.size == 2 and batch.context is None
    assert batch.inputs.is_contiguous(memory_format=torch.channels_last)


def test_pictures_are_augmented_only_where_chance_is_given() -> None:
    examples, rows = make(), np.arange(10)
    plain = examples.batch(rows, None).inputs
    assert torch.equal(plain, examples.batch(rows, None).inputs)
    assert not torch.equal(plain, examples.batch(rows, torch.Generator().manual_seed(0)).inputs)
    assert len(examples) == 10


def test_a_context_is_split_with_its_batch() -> None:
    tokens = torch.arange(10).reshape(5, 2)
    pieces = Batch(tokens, list("abcde"), 5, context=tokens).split(2)
    assert all(torch.equal(piece.inputs, piece.context) for piece in pieces)


@pytest.mark.parametrize(("parts", "sizes"), [(1, [5]), (2, [3, 2]), (4, [2, 1, 1, 1]), (8, [1] * 5)])
@pytest.mark.parametrize("kind", ["tensor", "list", "mapping"])
def test_a_batch_is_split_in_order_whatever_its_inputs_are(parts: int, sizes: list[int], kind: str) -> None:
    values = torch.arange(10).reshape(5, 2)
    inputs = {"tensor": values, "list": list(values), "mapping": {"tokens": values, "mask": values > 3}}[kind]
    pieces = Batch(inputs, list("abcde"), 5, start=3).split(parts)
    assert [piece.size for piece in pieces] == sizes
    assert {piece.start for piece in pieces} == {3}
    assert [target for piece in pieces for target in piece.targets] == list("abcde")
    tokens = [piece.inputs["tokens"] if kind == "mapping" else piece.inputs for piece in pieces]
    rows = [row for piece in tokens for row in piece]
    assert torch.equal(torch.stack(rows), values)
