"""Small random changes to pictures that must not change their label.

Of unknown small pictures little can be assumed. A mirrored 2 or 7 is no digit, a mirrored letter another letter, an
arrow to the left one to the right; but a picture moved by an eighth of its side shows what it showed. So shifts are
the default, and flips are for whoever knows that left and right do not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Which changes are drawn anew for each picture each time it is seen.

    Attributes:
        shift: The most a picture is moved along either axis, as a share of its side, in [0, 1).
        flip: Whether half of the pictures are mirrored left to right.
    """

    shift: float = 0.125
    flip: bool = False

    def __call__(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """Changes a batch.

        Args:
            pictures: Shape ``(B, H, W, C)``, any dtype.
            generator: Where chance comes from.

        Returns:
            Shape, dtype and device as given.
        """
        moved = random_shift(pictures, round(self.shift * min(pictures.shape[1:3])), generator)
        return random_flip(moved, generator) if self.flip else moved


def random_shift(pictures: Tensor, most: int, generator: torch.Generator) -> Tensor:
    """Moves each picture by up to ``most`` pixels along both axes; the border's pixels are repeated.

    Args:
        pictures: Shape ``(B, H, W, C)``.
        most: Largest shift in pixels; each from ``-most`` to ``most`` is equally likely.
        generator: Where chance comes from.

    Returns:
        Shape ``(B, H, W, C)``.
    """
    count, height, width, _ = pictures.shape
    shifts = torch.randint(-most, most + 1, (2, count, 1), generator=generator).to(pictures.device)
    rows = (torch.arange(height, device=pictures.device) + shifts[0]).clamp(0, height - 1)
    columns = (torch.arange(width, device=pictures.device) + shifts[1]).clamp(0, width - 1)
    batch = torch.arange(count, device=pictures.device)
    return pictures[batch[:, None, None], rows[:, :, None], columns[:, None, :]]


def random_flip(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Mirrors each picture left to right with probability one half.

    Args:
        pictures: Shape ``(B, H, W, C)``.
        generator: Where chance comes from.

    Returns:
        Shape ``(B, H, W, C)``.
    """
    chosen = torch.rand(len(pictures), generator=generator).to(pictures.device) < 0.5
    return torch.where(chosen[:, None, None, None], pictures.flip(2), pictures)
