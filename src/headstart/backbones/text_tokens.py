"""The context of a text backbone: a batch of packed tokens, and what a stage rebuilds from it.

Nothing of this is ever cached: padding, positions and masks follow from the tokens alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from headstart.backbones.text_preprocess import TOKEN_BITS

#: Added to the score of a place that must not be seen: far below any score, and finite in half precision too, where
#: the library's own choice, the lowest number of 32 bits, would be infinite and turn a row of them to NaN.
UNSEEN = -3e4


class TokenEntrance(nn.Module):
    """The batch of tokens, as what enters the first stage and as the context of all."""

    def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """From int32 ``(N, L)``, padding negative, to the same as int64, twice."""
        tokens = batch.long()
        return tokens, tokens


@dataclass(frozen=True, slots=True)
class Tokens:
    """A batch of tokens, unpacked.

    Attributes:
        ids: Their numbers, int64 ``(N, L)``; at padded places the tokenizer's padding.
        second: 1 where a token belongs to the second text of a pair, else 0; int64 ``(N, L)``.
        real: Where there is no padding, bool ``(N, L)``.
    """

    ids: Tensor
    second: Tensor
    real: Tensor

    @classmethod
    def unpack(cls, packed: Tensor, *, padding: int) -> Tokens:
        """What a batch as :mod:`headstart.backbones.text_preprocess` packs it holds.

        Args:
            packed: int64 ``(N, L)``, padding negative.
            padding: The token that the library puts at padded places.
        """
        real = packed >= 0
        code = packed.clamp(min=0)
        ids = torch.where(real, code & ((1 << TOKEN_BITS) - 1), padding)
        return cls(ids, code >> TOKEN_BITS, real)

    @property
    def positions(self) -> Tensor:
        """0, 1, 2, ...: int64 ``(1, L)``."""
        return torch.arange(self.ids.shape[1], device=self.ids.device).unsqueeze(0)

    def padding_mask(self, like: Tensor) -> Tensor:
        """Every token sees all real ones: added to the scores, ``(N, 1, 1, L)``, in the dtype of ``like``."""
        return _scores(self.real[:, None, None, :], like)

    def causal_mask(self, like: Tensor, window: int | None = None) -> Tensor:
        """A token sees itself and the real ones before it, at most ``window`` in all: ``(N, 1, L, L)``.

        Padding, which may have no real one so near, sees all of them.
        """
        ahead = self.positions - self.positions.transpose(0, 1)  # of the one that is seen, over the one that sees
        near = ahead <= 0 if window is None else (ahead <= 0) & (ahead > -window)
        seen = near.unsqueeze(0) | ~self.real[:, :, None]
        return _scores((seen & self.real[:, None, :]).unsqueeze(1), like)


def _scores(seen: Tensor, like: Tensor) -> Tensor:
    return torch.where(seen, 0.0, UNSEEN).to(like.dtype)
