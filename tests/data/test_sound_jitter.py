"""Random changes of batches for training from random weights."""

import pytest
import torch

from headstart.data.sound_jitter import jitter


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(5, 400), (5, 60, 40), (5, 32, 32, 3)])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_shape_and_type_stay_and_the_seed_decides(shape, dtype):
    batch = (torch.rand(shape, generator=generator(9)) * 255).to(dtype)
    found = jitter(batch, generator(1))
    assert (found.shape, found.dtype) == (batch.shape, dtype)
    assert torch.equal(found, jitter(batch, generator(1)))
    assert not torch.equal(found, jitter(batch, generator(2)))


def test_samples_are_moved_by_up_to_an_eighth_round_the_end():
    batch = torch.arange(80).repeat(200, 1)
    found = jitter(batch, generator())
    shifts = (batch - found) % 80
    assert (shifts == shifts[:, :1]).all()
    distances = torch.minimum(shifts[:, 0], 80 - shifts[:, 0])
    assert distances.max() == 10
    assert len(shifts[:, 0].unique()) == 21


@pytest.mark.parametrize("shape", [(300, 50, 40), (300, 40, 50, 3)])
def test_a_band_of_time_and_one_of_frequency_take_the_mean(shape):
    batch = torch.ones(shape)
    batch[:, 0::2] = 3.0  # neither value is the mean, wherever time is moved to
    found = jitter(batch, generator())
    places = found[..., 0] if found.ndim == 4 else found
    masked = (places != 1) & (places != 3)
    rows, columns = masked.all(dim=2), masked.all(dim=1)
    assert torch.equal(masked, rows[:, :, None] | columns[:, None, :])
    assert rows.sum(dim=1).max() <= 0.12 * shape[1] + 1
    assert columns.sum(dim=1).max() <= 0.12 * shape[2] + 1
    assert rows.any() and columns.any()
