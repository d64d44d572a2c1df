"""Examples that enter the network at its boundary: activations from the cache, or computed anew by the same engine.

Either way gives the same numbers for the same inputs: a cache differs only in that its changed views are always the
same ones. At the bottom, where nothing lies below the boundary, the prepared inputs themselves enter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headstart.backbones.card import ImagePreprocess, Layout
from headstart.features.boundary_cache import rounded
from headstart.features.engines.contract import Engine
from headstart.training.examples import Batch

#: Numbers of examples ``(B,)`` and chance to prepared inputs ``(B, ...)``; without chance the first view of each.
Inputs = Callable[[NDArray[np.int64], torch.Generator | None], NDArray[Any]]


class Activations(Protocol):
    """Kept rows ``(N, ...)``, channels last, such as :class:`headstart.features.store.Table`."""

    def take(self, which: NDArray[np.intp]) -> NDArray[Any]:
        """The rows ``which``, in that order."""


def drawn_views(count: int, size: int, generator: torch.Generator | None) -> NDArray[np.int64]:
    """Which of ``count`` views each of ``size`` examples is seen in, ``(size,)``; without chance the first."""
    if generator is None:
        return np.zeros(size, dtype=np.int64)
    drawn: NDArray[np.int64] = torch.randint(count, (size,), generator=generator).numpy()
    return drawn


class CachedActivations:
    """Labelled activations that were computed once and kept.

    Args:
        views: What is kept of each view to draw from: rows of the same items in the same order.
        labels: Class numbers, ``(N,)``.
        start: Position of the stage that the activations go into.
        layout: Axes of the stage just below it.
        device: Where the batches go.
    """

    def __init__(
        self,
        views: Sequence[Activations],
        labels: NDArray[np.int64],
        *,
        start: int,
        layout: Layout,
        device: str = "cpu",
    ) -> None:
        self._views, self._labels = views, labels
        self._start, self._layout, self._device = start, layout, device

    def __len__(self) -> int:
        return len(self._labels)

    def batch(self, rows: NDArray[np.int64], generator: torch.Generator | None) -> Batch:
        """Activations of one view of each example, float32 in the stage's own layout; targets ``(B,)``, int64."""
        hidden = _entering(self._kept(rows, generator), self._layout, self._device)
        return Batch(hidden, _targets(self._labels, rows, self._device), len(rows), self._start)

    def _kept(self, rows: NDArray[np.int64], generator: torch.Generator | None) -> NDArray[Any]:
        chosen = drawn_views(len(self._views), len(rows), generator)
        by_view = np.concatenate([self._views[view].take(rows[chosen == view]) for view in np.unique(chosen)])
        kept = np.empty_like(by_view)
        kept[np.argsort(chosen, kind="stable")] = by_view
        return kept


class ComputedActivations:
    """Labelled activations that are computed anew for each batch, in the numbers that the cache would keep.

    Args:
        inputs: See :data:`Inputs`; where its views are drawn by :func:`drawn_views`, the batches equal the kept ones.
        engine: Computes whole activations.
        stage: Name of the stage just below the boundary.
        labels: Class numbers, ``(N,)``.
        start: Position of the stage that the activations go into.
        layout: Axes of the stage just below it.
        device: Where the batches go.
    """

    def __init__(
        self,
        inputs: Inputs,
        engine: Engine,
        stage: str,
        labels: NDArray[np.int64],
        *,
        start: int,
        layout: Layout,
        device: str = "cpu",
    ) -> None:
        self._inputs, self._engine, self._stage, self._labels = inputs, engine, stage, labels
        self._start, self._layout, self._device = start, layout, device

    def __len__(self) -> int:
        return len(self._labels)

    def batch(self, rows: NDArray[np.int64], generator: torch.Generator | None) -> Batch:
        """Activations of one view of each example, float32 in the stage's own layout; targets ``(B,)``, int64."""
        computed = rounded(self._engine.compute(self._inputs(rows, generator))[self._stage])
        hidden = _entering(computed, self._layout, self._device)
        return Batch(hidden, _targets(self._labels, rows, self._device), len(rows), self._start)


class InputExamples:
    """Labelled inputs for a network that trains from its first stage on, normalised per channel.

    Args:
        inputs: See :data:`Inputs`; uint8, ``(B, S, S, 3)``.
        labels: Class numbers, ``(N,)``.
        preprocess: Mean and standard deviation of the backbone's inputs.
        device: Where the batches go.
    """

    def __init__(
        self, inputs: Inputs, labels: NDArray[np.int64], *, preprocess: ImagePreprocess, device: str = "cpu"
    ) -> None:
        self._inputs, self._labels, self._device = inputs, labels, device
        self._mean = torch.tensor(preprocess.mean, device=device)
        self._std = torch.tensor(preprocess.std, device=device)

    def __len__(self) -> int:
        return len(self._labels)

    def batch(self, rows: NDArray[np.int64], generator: torch.Generator | None) -> Batch:
        """Inputs ``(B, 3, S, S)``, float32, in channels-last memory; targets ``(B,)``, int64."""
        pictures = torch.from_numpy(self._inputs(rows, generator)).to(self._device)
        normalised = (pictures.float().div_(255) - self._mean).div_(self._std)
        return Batch(normalised.permute(0, 3, 1, 2), _targets(self._labels, rows, self._device), len(rows))


def _entering(rows: NDArray[Any], layout: Layout, device: str) -> Tensor:
    """Rows with channels last as a stage takes them; channels-last memory is seen as NCHW without being copied."""
    hidden = torch.from_numpy(rows).to(device).float()
    return hidden.permute(0, 3, 1, 2) if layout == "NCHW" else hidden


def _targets(labels: NDArray[np.int64], rows: NDArray[np.int64], device: str) -> Tensor:
    return torch.from_numpy(labels[rows]).to(device)
