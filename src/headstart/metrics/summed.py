"""Metrics that are functions of sums over items."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

#: Sums ``(..., K)`` to values ``(...)``.
Formula = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class SummedMetrics:
    """What is measured, given per-item summands.

    Attributes:
        columns: Names of the K summands.
        formulas: Metric name to its formula; values in [0, 1], higher is better.
        shares: Metric name to the column, 0 or 1 for each item, whose mean it is; such get the closed forms for rates.
        leading: Name of the metric that decides.
    """

    columns: tuple[str, ...]
    leading: str
    formulas: Mapping[str, Formula] = field(default_factory=dict)
    shares: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """All metrics, the leading first."""
        return tuple(sorted((*self.shares, *self.formulas), key=lambda name: name != self.leading))

    def happened(self, share: str, summands: NDArray[np.float64]) -> NDArray[np.bool_]:
        """What a share is the mean of, ``(N,)``."""
        return np.asarray(summands[:, self.columns.index(self.shares[share])] > 0)
