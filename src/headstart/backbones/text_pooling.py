"""From one vector per token to one per text, as a text model's card asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from headstart.core.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

#: Over all real tokens their mean or greatest value; the first token; the last real one.
PoolingMode = Literal["mean", "max", "cls", "last"]


@dataclass(frozen=True, slots=True)
class TextPooling:
    """How tokens are pooled; padding never counts.

    Attributes:
        mode: Out of which tokens, and how.
        unit_length: Whether the result is divided by its length.
    """

    mode: PoolingMode
    unit_length: bool = False

    def __call__(self, hidden: Tensor, real: Tensor) -> Tensor:
        """The pooled features.

        Args:
            hidden: ``(N, L, D)``.
            real: Where there is no padding, bool ``(N, L)``, behind which there is padding alone.

        Returns:
            ``(N, D)``.
        """
        from torch.nn.functional import normalize

        pooled = _POOLS[self.mode](hidden, real)
        return normalize(pooled, dim=1) if self.unit_length else pooled

    def settings(self) -> dict[str, Any]:
        """As settings of an architecture."""
        return {"pooling": self.mode, **({"unit_length": True} if self.unit_length else {})}

    @classmethod
    def taken_from(cls, settings: dict[str, Any]) -> TextPooling:
        """What :meth:`settings` wrote, taken out of the other settings.

        Raises:
            UsageError: They do not say how to pool.
        """
        mode, unit_length = settings.pop("pooling", None), settings.pop("unit_length", False)
        if mode not in get_args(PoolingMode) or not isinstance(unit_length, bool):
            raise UsageError(
                f"Expected the architecture of a text model to say pooling= one of {', '.join(get_args(PoolingMode))}, "
                f"but got {mode!r}."
            )
        return cls(mode, unit_length)


def _mean(hidden: Tensor, real: Tensor) -> Tensor:
    weights = real.to(hidden.dtype).unsqueeze(2)
    # Means, not sums: many tokens would not fit into half precision.
    return (hidden * weights).mean(dim=1) / weights.mean(dim=1).clamp(min=1e-4)


def _max(hidden: Tensor, real: Tensor) -> Tensor:
    return hidden.masked_fill(~real.unsqueeze(2), -1e4).amax(dim=1)


def _first(hidden: Tensor, real: Tensor) -> Tensor:
    return hidden[:, 0]


def _last(hidden: Tensor, real: Tensor) -> Tensor:
    place = real.long().sum(dim=1).sub(1).clamp(min=0)
    return hidden.gather(1, place[:, None, None].expand(-1, 1, hidden.shape[2])).squeeze(1)


_POOLS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"mean": _mean, "max": _max, "cls": _first, "last": _last}
