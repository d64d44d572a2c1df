"""Examples that enter the network at its boundary: activations from the cache, or computed anew by the same engine.

Either way gives the same numbers for the same inputs, where these differ in length up to rounding: a cache differs only
in that its changed views are always the same ones. At the bottom, where nothing lies below the boundary, the prepared
inputs themselves enter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from headstart.backbones.card import Layout
from headstart.backbones.preprocess import PADDING, Preprocess
from headstart.features.boundary_cache import rounded
from headstart.features.engines.contract import Engine
from headstart.training.examples import Batch

#: Numbers of examples ``(B,)`` and chance to prepared inputs ``(B, ...)``; without chance the first view of each.
Inputs = Callable[[NDArray[np.int64], torch.Generator | None], NDArray[Any]]

#: Numbers of examples ``(B,)`` and of the view that each is seen in to their context.
Contexts = Callable[[NDArray[np.int64], NDArray[np.int64]], Tensor]

#: A batch as prepared and chance to the batch, changed at random in small ways.
Jitter = Callable[[Tensor, torch.Generator], Tensor]


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
        contexts: Numbers of examples and of the view of each to their contexts; ``None`` where stages need none.
        device: Where the batches go.
    """

    def __init__(
        self,
        views: Sequence[Activations],
        labels: NDArray[np.int64],
        *,
        start: int,
        layout: Layout,
        contexts: Contexts | None = None,
        device: str = "cpu",
    ) -> None:
        self._views, self._labels, self._contexts = views, labels, contexts
        self._start, self._layout, self._device = start, layout, device

    def __len__(self) -> int:
        return len(self._labels)

    def batch(self, rows: NDArray[np.int64], generator: torch.Generator | None) -> Batch:
        """Activations of one view of each example, float32 in the stage's own layout; targets ``(B,)``, int64."""
        chosen = drawn_views(len(self._views), len(rows), generator)
        hidden = _entering(self._kept(rows, chosen), self._layout, self._device)
        context = None
        if self._contexts is not None:
            context = _as_long_as(self._contexts(rows, chosen), hidden).to(self._device)
        return Batch(hidden, _targets(self._labels, rows, self._device), len(rows), self._start, context)

    def _kept(self, rows: NDArray[np.int64], chosen: NDArray[np.int64]) -> NDArray[Any]:
        by_view = joined([self._views[view].take(rows[chosen == view]) for view in np.unique(chosen)])
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
        preprocess: How the inputs are prepared; its entrance gives the context.
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
        preprocess: Preprocess,
        device: str = "cpu",
    ) -> None:
        self._inputs, self._engine, self._stage, self._labels = inputs, engine, stage, labels
        self._entrance = preprocess.entrance() if preprocess.has_context else None
        self._start, self._layout, self._device = start, layout, device

    def __len__(self) -> int:
        return len(self._labels)

    def batch(self, rows: NDArray[np.int64], generator: torch.Generator | None) -> Batch:
        """Activations of one view of each example, float32 in the stage's own layout; targets ``(B,)``, int64."""
        inputs = self._inputs(rows, generator)
        hidden = _entering(rounded(self._engine.compute(inputs)[self._stage]), self._layout, self._device)
        context = None
        if self._entrance is not None:
            context = self._entrance(torch.from_numpy(inputs))[1].to(self._device)
        return Batch(hidden, _targets(self._labels, rows, self._device), len(rows), self._start, context)


class InputExamples:
    """Labelled inputs for a network that trains from its first stage on.

    Args:
        inputs: See :data:`Inputs`; a batch as prepared.
        labels: Class numbers, ``(N,)``.
        preprocess: How they were prepared; its entrance comes before the first stage.
        jitter: Changes a batch as prepared at random, where chance is given.
        device: Where the batches go.
    """

    def __init__(
        self,
        inputs: Inputs,
        labels: NDArray[np.int64],
        *,
        preprocess: Preprocess,
        jitter: Jitter | None = None,
        device: str = "cpu",
    ) -> None:
        self._inputs, self._labels, self._jitter, self._device = inputs, labels, jitter, device
        self._entrance = preprocess.entrance().to(device)

    def __len__(self) -> int:
        return len(self._labels)

    def batch(self, rows: NDArray[np.int64], generator: torch.Generator | None) -> Batch:
        """What enters the first stage, and its context; targets ``(B,)``, int64."""
        inputs = torch.from_numpy(self._inputs(rows, generator)).to(self._device)
        if generator is not None and self._jitter is not None:
            inputs = self._jitter(inputs, generator)
        hidden, context = self._entrance(inputs)
        return Batch(hidden, _targets(self._labels, rows, self._device), len(rows), context=context)


def joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Rows ``(n, ...)`` one below the other; where they differ in length, the shorter ones filled up with zeros."""
    if len({part.shape[1:] for part in parts}) == 1:
        return np.concatenate(parts)
    longest = max(part.shape[1] for part in parts)
    widths = [((0, 0), (0, longest - part.shape[1]), *[(0, 0)] * (part.ndim - 2)) for part in parts]
    return np.concatenate([np.pad(part, width) for part, width in zip(parts, widths, strict=True)])


def _as_long_as(context: Tensor, hidden: Tensor) -> Tensor:
    """A ragged context filled up with padding to the length of kept activations, which may be longer than needed."""
    return pad(context, (0, hidden.shape[1] - context.shape[1]), value=PADDING) if context.ndim == 2 else context


def _entering(rows: NDArray[Any], layout: Layout, device: str) -> Tensor:
    """Rows with channels last as a stage takes them; channels-last memory is seen as NCHW without being copied."""
    hidden = torch.from_numpy(rows).to(device).float()
    return hidden.permute(0, 3, 1, 2) if layout == "NCHW" else hidden


def _targets(labels: NDArray[np.int64], rows: NDArray[np.int64], device: str) -> Tensor:
    return torch.from_numpy(labels[rows]).to(device)
