"""Centred kernel alignment: how alike two representations of the same items are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError

#: Features whose spread is below this share of their size differ by rounding alone.
_ROUNDING = 1e-12


def linear_cka(first: NDArray[Any], second: NDArray[Any]) -> float | None:
    r"""Similarity of two representations of the same items, whatever their rotation and scale.

    .. math:: \frac{\lVert Y^T X \rVert_F^2}{\lVert X^T X \rVert_F \, \lVert Y^T Y \rVert_F}

    with X and Y centred (Kornblith et al., "Similarity of Neural Network Representations Revisited", ICML 2019). Where
    there are fewer items than features, the same number comes from the Gram matrices :math:`X X^T` and :math:`Y Y^T`.
    With far fewer items than features even unrelated representations look alike; some hundred items are needed to
    tell them apart.

    Args:
        first: Features X, shape ``(N, D1)``; computed in float64.
        second: Features Y of the same items, shape ``(N, D2)``.

    Returns:
        A similarity in [0, 1]; 1 where one is the other rotated, mirrored, shifted or scaled as a whole. ``None``
        where a representation is the same for all items, which leaves it undefined.

    Raises:
        UsageError: The arrays are not features of the same items, or hold NaN or infinity.

    Example:
        >>> features = np.array([[0.0, 1.0], [2.0, 0.0], [1.0, 3.0]])
        >>> round(linear_cka(features, -3 * features[:, ::-1] + 7), 12)
        1.0
        >>> linear_cka(features, np.ones((3, 4))) is None
        True
    """
    _check_features(first, second)
    x, y = _centred(first), _centred(second)
    if x is None or y is None:
        return None
    if len(x) < max(x.shape[1], y.shape[1]):
        gram, other = x @ x.T, y @ y.T
        shared = float(np.vdot(gram, other))
    else:
        gram, other = x.T @ x, y.T @ y
        shared = float(np.sum((y.T @ x) ** 2))
    return min(1.0, shared / float(np.linalg.norm(gram) * np.linalg.norm(other)))


def _centred(features: NDArray[Any]) -> NDArray[np.float64] | None:
    """Features less their mean, scaled to a largest value of one; ``None`` where nothing but rounding is left."""
    values = features.astype(np.float64)
    size = np.abs(values).max()
    values -= values.mean(axis=0)
    spread = np.abs(values).max()
    return values / spread if spread > _ROUNDING * size else None


def _check_features(first: NDArray[Any], second: NDArray[Any]) -> None:
    if first.ndim != 2 or second.ndim != 2 or len(first) != len(second) or not first.size or not second.size:
        raise UsageError(
            f"Expected features of the same items, shapes (N, D1) and (N, D2), but got {first.shape} and "
            f"{second.shape}; pass one row per item in both."
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise UsageError("Expected finite features, but got NaN or infinity; check the weights that gave them.")
