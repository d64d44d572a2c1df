"""The models without pretraining that the probe has to beat, each scored by the workflow like any other candidate."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.preprocess import Preprocess, as_batch, is_ragged
from headstart.core.files import reserve
from headstart.core.machine import cores
from headstart.core.progress import Progress, Stopwatch
from headstart.data.items import SPLITS, Content, Item
from headstart.data.modality import PlainProblem
from headstart.evaluation.candidates import Candidate
from headstart.workflows.gather import Examples

if TYPE_CHECKING:
    from headstart.evaluation.baselines import TrainedBaseline
    from headstart.training.checkpoints import TrainingWork
    from headstart.transfer.scratch import LabelledInputs

_MOST_IN_MEMORY = 512 * 1024**2


def plain_baseline(examples: Examples, *, seed: int, progress: Progress) -> Candidate:
    """A model of what the data are without any network: raw pixels for pictures, words for texts."""
    arranged = examples.arranged
    train = arranged.rows("train")
    progress.start("plain baseline")
    watch = Stopwatch()
    with watch.step("fit"):
        problem = PlainProblem(
            arranged.items,
            examples.plain,
            arranged.labels,
            train,
            groups=arranged.groups(train),
            classes=len(arranged.classes),
            seed=seed,
        )
        model = examples.modality.plain_model(problem)
        validation, test = (model.probabilities(arranged.rows(split)) for split in ("validation", "test"))
    progress.finish(f"{model.name}: {model.detail}")
    return Candidate(
        name=model.name,
        strategy="logistic regression",
        kind="baseline",
        status="ok" if model.converged else "not converged",
        detail=model.detail,
        seconds=watch.seconds["fit"],
        validation_probabilities=validation,
        test_probabilities=test,
    )


def trained_baselines(
    examples: Examples,
    *,
    budget: float,
    seed: int,
    progress: Progress,
    work: Callable[[str], TrainingWork],
) -> list[TrainedBaseline]:
    """A small network at the data's own size and the backbone's own architecture, both from random weights.

    Args:
        examples: The examples.
        budget: Seconds that each may take; one that cannot finish in it is shown as such and never compared with.
        seed: Of weights, order and augmentation.
        progress: Who is told how far it is.
        work: Where the training of this name keeps what it needs to be taken up again.
    """
    from headstart.evaluation.baselines import SAME_ARCHITECTURE, SMALL, Architecture, train_baseline

    card = examples.backbone.card
    small = examples.modality.small_network(examples.arranged.inspections, card.preprocess)
    wanted = {
        "small network": Architecture(SMALL, small.library, small.architecture, small.preprocess),
        "same architecture": Architecture(SAME_ARCHITECTURE, card.library, card.architecture, card.preprocess),
    }
    return [
        train_baseline(
            network,
            _labelled(examples, network.preprocess),
            budget=budget,
            seed=seed,
            progress=progress,
            work=work(name),
        )
        for name, network in wanted.items()
    ]


class LazyInputs:
    """Inputs by place, decoded when first asked for and kept; where they are large, in a temporary file.

    Args:
        items: Of what.
        make: Content to an input.
    """

    def __init__(self, items: Sequence[Item], make: Callable[[Content], NDArray[Any]]) -> None:
        self._items, self._make = items, make
        self._rows = _room_for(len(items), make(items[0].source.read()))
        self._there = np.zeros(len(items), dtype=np.bool_)

    def __call__(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """The inputs of some places as one batch."""
        new = np.unique(places[~self._there[places]])
        if len(new):
            with ThreadPoolExecutor(max_workers=cores()) as pool:
                for place, row in zip(new, pool.map(self._decode, new), strict=True):
                    self._rows[place] = row
            self._there[new] = True
        found = self._rows[places]
        return as_batch(list(found)) if found.dtype == np.object_ else found

    def _decode(self, place: int) -> NDArray[Any]:
        return self._make(self._items[place].source.read())


def _room_for(count: int, example: NDArray[Any]) -> NDArray[Any]:
    """Where inputs like this one are kept."""
    if is_ragged(example):
        return np.empty(count, dtype=np.object_)
    shape = (count, *example.shape)
    size = count * example.nbytes
    if size <= _MOST_IN_MEMORY:
        return np.empty(shape, dtype=example.dtype)
    with tempfile.TemporaryFile() as stream:  # freed by the system with the last reference to the mapping
        reserve(stream, size)
        return np.memmap(stream, dtype=example.dtype, mode="w+", shape=shape)


def _labelled(examples: Examples, preprocess: Preprocess) -> LabelledInputs:
    from headstart.transfer.scratch import LabelledInputs

    arranged, modality = examples.arranged, examples.modality
    train, validation, test = (arranged.rows(split) for split in SPLITS)
    return LabelledInputs(
        LazyInputs(arranged.items, lambda content: modality.prepare(content, preprocess).inputs),
        preprocess,
        modality.jitter,
        arranged.labels,
        train=train,
        validation=validation,
        test=test,
        classes=len(arranged.classes),
    )
