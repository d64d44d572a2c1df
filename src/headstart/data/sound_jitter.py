"""Small random changes of batches that a network sees while it is trained from random weights."""

from __future__ import annotations

import torch
from torch import Tensor

#: The most that time is moved, and the most that a mask covers, as shares of the axis.
MOST_SHIFT = 0.125
MOST_MASKED = 0.12


def jitter(batch: Tensor, generator: torch.Generator) -> Tensor:
    """Moves each item in time, round the end to the beginning, and masks a band of time and one of frequency.

    The masks are those of SpecAugment (D. Park et al., 2019), one along each axis; masked places take the item's mean.
    Samples are moved only.

    Args:
        batch: Samples ``(N, T)``, spectra ``(N, frames, mels)``, or pictures ``(N, S, S, 3)`` whose time runs to the
            right; any dtype.
        generator: Where chance comes from.

    Returns:
        Shape, dtype and device as given.
    """
    time = 2 if batch.ndim == 4 else 1
    moved = _rolled(batch, time, generator)
    if batch.ndim == 2:
        return moved
    mean = moved.to(torch.float32).mean(dim=tuple(range(1, moved.ndim)), keepdim=True).to(moved.dtype)
    for axis in (1, 2):
        moved = torch.where(_bands(moved, axis, generator), mean, moved)
    return moved


def _rolled(batch: Tensor, axis: int, generator: torch.Generator) -> Tensor:
    count, length = len(batch), batch.shape[axis]
    most = int(MOST_SHIFT * length)
    shifts = torch.randint(-most, most + 1, (count, 1), generator=generator).to(batch.device)
    places = (torch.arange(length, device=batch.device) - shifts) % length
    return batch.gather(axis, _along(places, batch, axis).expand(batch.shape))


def _bands(batch: Tensor, axis: int, generator: torch.Generator) -> Tensor:
    """True at the places of one random band for each item."""
    count, length = len(batch), batch.shape[axis]
    widths = torch.rand(count, 1, generator=generator) * MOST_MASKED * length
    starts = torch.rand(count, 1, generator=generator) * (length - widths)
    places = torch.arange(length)
    inside = (places >= starts) & (places < starts + widths)
    return _along(inside.to(batch.device), batch, axis)


def _along(values: Tensor, batch: Tensor, axis: int) -> Tensor:
    """Values ``(N, length)`` with axes of one where the batch has others."""
    shape = [1] * batch.ndim
    shape[0], shape[axis] = values.shape
    return values.view(shape)
