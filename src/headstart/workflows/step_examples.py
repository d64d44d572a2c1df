"""What a training sees: activations at its boundary, cached or computed each time, or the inputs themselves."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.preprocess import as_batch
from headstart.core.errors import UsageError
from headstart.core.progress import Progress
from headstart.data.items import Split
from headstart.data.modality import Modality
from headstart.data.workers import Workers
from headstart.features.boundary_cache import ViewedItems, Views, activation_rows, activation_source
from headstart.transfer.tuning_plan import TuningStep
from headstart.workflows.baselines import LazyInputs
from headstart.workflows.gather import Examples
from headstart.workflows.views import Inputs, View, make_view, plain_input

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from headstart.training.activations import Contexts
    from headstart.training.examples import Examples as TrainingExamples

    EveryInput = Callable[[NDArray[np.int64], Generator | None], NDArray[Any]]

#: Augmented views per item in a boundary cache, where nobody asks for more. On cifar10 none, 1, 2 and 4 views came to
#: 79.2, 78.8, 80.1 and 78.4 % on 1,000 test photos from blocks.6: too alike to pay for more than one.
VIEWS = 1


@dataclass(frozen=True)
class TuneOptions:
    """How to tune.

    Attributes:
        budget: Seconds for all trainings together, turned into a plan before they start.
        boundary: The lowest stage that trains, where the user names one.
        views: Augmented views per item in a boundary cache; 0 trains on the items as they are.
        workers: Worker processes that decode where items are read anew in every epoch; 0 for threads.
        seed: For everything random.
        device: Where training happens: ``"cpu"`` or ``"cuda"``.
    """

    budget: float
    boundary: str | None = None
    views: int = VIEWS
    workers: int = 0
    seed: int = 0
    device: str = "cpu"


def wanted_views(modality: Modality, views: int | None) -> int:
    """How many augmented views are cached per item: what was asked for, else what the modality knows to make.

    Raises:
        UsageError: Views of items that cannot be changed without changing what they say.
    """
    if modality.augment is None and views:
        raise UsageError(
            f"Expected --views 0 for {modality.item_word}s, of which no change is known that keeps the label, but got "
            f"{views}; leave it out."
        )
    return (VIEWS if modality.augment else 0) if views is None else views


@contextmanager
def training_examples(
    examples: Examples,
    step: TuningStep,
    *,
    admitted: tuple[str, ...],
    options: TuneOptions,
    stop: Callable[[], bool],
    progress: Progress,
) -> Iterator[tuple[TrainingExamples, TrainingExamples]]:
    """Training and validation examples as they enter at the boundary of a step.

    Args:
        examples: All examples.
        step: Where its boundary is, and how what lies below it is had.
        admitted: Changes that were found to keep labels.
        options: How to tune.
        stop: Whether somebody asked to stop.
        progress: Who is told how far it is.

    Raises:
        Stopped: ``stop`` said so while a cache was filled.
    """
    entering = _Entering(examples, step, options, stop, progress)
    if step.below == "cached":
        views = Views(step.views, admitted, options.seed)
        yield entering.cached("train", views), entering.cached("validation", views)
        return
    validation = entering.computed("validation", _as_they_are(examples, "validation"))
    if not options.views:
        yield entering.computed("train", _as_they_are(examples, "train")), validation
        return
    with Workers(make_view, count=options.workers, say=progress.say, name=_name_of) as workers:
        fresh = Inputs(examples, "train", changed=options.views, invariances=admitted, workers=workers)
        yield entering.computed("train", fresh), validation


def _as_they_are(examples: Examples, split: Split) -> EveryInput:
    """A split's inputs, which never change and are decoded once."""
    items = [examples.arranged.items[row] for row in examples.arranged.rows(split)]
    kept = LazyInputs(items, lambda content: plain_input(examples, content))
    return lambda rows, _: kept(rows)


class _Entering:
    """The examples of one step."""

    def __init__(
        self, examples: Examples, step: TuningStep, options: TuneOptions, stop: Callable[[], bool], progress: Progress
    ) -> None:
        self._examples, self._device, self._stop, self._progress = examples, options.device, stop, progress
        self._card = examples.backbone.card
        names = [stage.name for stage in self._card.stages]
        self._position = 0 if step.boundary == "bottom" else names.index(step.boundary)
        if self._position:
            self._stage = self._card.stages[self._position - 1]
            self._source = activation_source(examples.backbone, examples.choice.spec, self._stage.name)

    def cached(self, split: Split, views: Views) -> TrainingExamples:
        """Activations at the boundary that are kept, and computed first where they are not yet."""
        from headstart.training.activations import CachedActivations

        arranged = self._examples.arranged
        rows = arranged.rows(split)
        numbers = views.trained if split == "train" else range(1)
        tables = [
            activation_rows(
                [arranged.items[row] for row in rows],
                [self._examples.digests[row] for row in rows],
                view=view,
                views=views,
                source=self._source,
                modality=self._examples.modality,
                progress=self._progress,
                stop=self._stop,
            )
            for view in numbers
        ]
        return CachedActivations(
            tables,
            arranged.labels[rows],
            start=self._position,
            layout=self._stage.layout,
            contexts=self._contexts(rows, numbers, views) if self._card.preprocess.has_context else None,
            device=self._device,
        )

    def _contexts(self, rows: NDArray[np.intp], numbers: range, views: Views) -> Contexts:
        """The contexts of some examples in some of their views, rebuilt from the inputs of that view."""
        import torch

        entrance, examples = self._card.preprocess.entrance(), self._examples
        items, digests = ([values[row] for row in rows] for values in (examples.arranged.items, examples.digests))
        viewed = [ViewedItems(items, digests, view, views, self._source, examples.modality) for view in numbers]
        prepared = functools.cache(lambda view, place: viewed[view].prepare(place))

        def contexts(places: NDArray[np.int64], chosen: NDArray[np.int64]) -> Tensor:
            inputs = [prepared(int(view), int(place)) for view, place in zip(chosen, places, strict=True)]
            context: Tensor = entrance(torch.from_numpy(as_batch(inputs)))[1]
            return context

        return contexts

    def computed(self, split: Split, inputs: EveryInput) -> TrainingExamples:
        """Inputs made for every batch, which go through the frozen engine where there is a frozen side."""
        from headstart.training.activations import ComputedActivations, InputExamples

        labels = self._examples.arranged.labels[self._examples.arranged.rows(split)]
        if not self._position:
            return InputExamples(inputs, labels, preprocess=self._card.preprocess, device=self._device)
        return ComputedActivations(
            inputs,
            self._source.start(),
            self._stage.name,
            labels,
            start=self._position,
            layout=self._stage.layout,
            preprocess=self._card.preprocess,
            device=self._device,
        )


def _name_of(view: View) -> str:
    return view.name
