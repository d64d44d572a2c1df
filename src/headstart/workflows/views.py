"""The backbone's inputs as training sees them: as they are, or changed at random in ways that keep their label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.preprocess import as_batch
from headstart.data.items import Content, Item, Source, Split
from headstart.data.modality import MODALITIES, Modality
from headstart.data.workers import Workers
from headstart.features.engines.contract import Transform
from headstart.workflows.gather import Examples

if TYPE_CHECKING:
    from torch import Generator


@dataclass(frozen=True, slots=True)
class View:
    """One input to be made, small enough to be sent to another process.

    Attributes:
        name: The item's name.
        source: Where its content is.
        modality: Name of its modality.
        preprocess: What the backbone asks for.
        invariances: Changes that were found to keep labels.
        chance: Seed of the changes; ``None`` for the item as it is.
        transform: How an item as it is becomes an input.
    """

    name: str
    source: Source
    modality: str
    preprocess: Any
    invariances: tuple[str, ...]
    chance: int | None
    transform: Transform


def make_view(view: View) -> NDArray[Any]:
    """The input; a pure function, so that any process may compute it."""
    modality, content = MODALITIES[view.modality], view.source.read()
    if view.chance is None:
        return _as_it_is(modality, content, view.preprocess, view.transform)
    return modality.changed(content, view.preprocess, np.random.default_rng(view.chance), view.invariances)


def plain_input(examples: Examples, content: Content) -> NDArray[Any]:
    """An item's input as it is, by the path that was admitted."""
    return _as_it_is(examples.modality, content, examples.backbone.card.preprocess, examples.choice.spec.transform)


def _as_it_is(modality: Modality, content: Content, preprocess: Any, transform: Transform) -> NDArray[Any]:
    if transform == "source":
        return modality.prepare_reference(content, preprocess)
    return modality.prepare(content, preprocess).inputs


class Inputs:
    """Inputs of a split's examples, changed at random anew whenever they are asked for.

    As from a cache of K changed views, one of K + 1 is the item as it is.

    Args:
        examples: All examples.
        split: Which of them.
        changed: K, at least 1.
        invariances: Changes that were found to keep labels.
        workers: Who makes them.
    """

    def __init__(
        self, examples: Examples, split: Split, *, changed: int, invariances: Sequence[str], workers: Workers[View]
    ) -> None:
        self._items: list[Item] = [examples.arranged.items[row] for row in examples.arranged.rows(split)]
        self._modality, self._preprocess = examples.modality.name, examples.backbone.card.preprocess
        self._transform = examples.choice.spec.transform
        self._changed, self._invariances, self._workers = changed, tuple(invariances), workers

    def __call__(self, rows: NDArray[np.int64], generator: Generator | None) -> NDArray[Any]:
        """Inputs ``(B, ...)`` of some places, by the generator's chance."""
        import torch

        which = torch.randint(self._changed + 1, (len(rows),), generator=generator).tolist()
        chances = torch.randint(2**62, (len(rows),), generator=generator).tolist()
        views = [
            self._view(int(row), chance if view else None)
            for row, view, chance in zip(rows, which, chances, strict=True)
        ]
        return as_batch(self._workers.results(views))

    def _view(self, place: int, chance: int | None) -> View:
        item = self._items[place]
        return View(item.id, item.source, self._modality, self._preprocess, self._invariances, chance, self._transform)
