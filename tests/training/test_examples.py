import numpy as np
import pytest
import torch

from headstart.training.augment import Augmentation
from headstart.training.examples import Batch, PictureExamples, channel_statistics

RANDOM = np.random.default_rng(0)
PICTURES = RANDOM.integers(0, 256, (30, 6, 6, 3)).astype(np.uint8)
LABELS = np.arange(10)


def make() -> PictureExamples:
    positions = np.arange(20, 30)
    mean, std = np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.25, 1.0])
    return PictureExamples(
        PICTURES.__getitem__, positions, labels=LABELS, mean=mean, std=std, augmentation=Augmentation(shift=0.3)
    )


def test_a_batch_is_normalised_and_keeps_labels_with_pictures() -> None:
    batch = make().batch(np.array([3, 0]), None)
    expected = (PICTURES[[23, 20]] / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.25, 1.0]
    np.testing.assert_allclose(batch.inputs.permute(0, 2, 3, 1).numpy(), expected, atol=1e-5)
    assert batch.targets.tolist() == [3, 0]
    assert batch.size == 2
    assert batch.inputs.is_contiguous(memory_format=torch.channels_last)


def test_pictures_are_augmented_only_where_chance_is_given() -> None:
    examples, rows = make(), np.arange(10)
    plain = examples.batch(rows, None).inputs
    assert torch.equal(plain, examples.batch(rows, None).inputs)
    assert not torch.equal(plain, examples.batch(rows, torch.Generator().manual_seed(0)).inputs)
    assert len(examples) == 10


def test_statistics_are_numpys() -> None:
    mean, std = channel_statistics(PICTURES.__getitem__, np.arange(5, 25))
    chosen = PICTURES[5:25].reshape(-1, 3) / 255
    np.testing.assert_allclose(mean, chosen.mean(axis=0))
    np.testing.assert_allclose(std, chosen.std(axis=0))


def test_statistics_read_no_more_pictures_than_they_may() -> None:
    read: list[int] = []

    def pictures(positions: np.ndarray) -> np.ndarray:
        read.extend(positions)
        return PICTURES[positions]

    channel_statistics(pictures, np.arange(30), most=10)
    assert read == list(range(0, 30, 3))


def test_a_constant_channel_can_be_divided_by() -> None:
    grey = np.full((4, 5, 5, 3), 128, dtype=np.uint8)
    mean, std = channel_statistics(grey.__getitem__, np.arange(4))
    assert mean == pytest.approx(128 / 255)
    assert std == pytest.approx(1 / 255)


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
