"""The models without pretraining that the probe has to beat, each scored by the workflow like any other candidate."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headstart.core.files import reserve
from headstart.core.machine import cores
from headstart.core.progress import Progress, Stopwatch
from headstart.data.items import SPLITS, Content, Item
from headstart.evaluation.candidates import Candidate
from headstart.transfer.probe import fit_probe
from headstart.workflows.gather import Examples

if TYPE_CHECKING:
    from headstart.evaluation.baselines import TrainedBaseline
    from headstart.training.checkpoints import TrainingWork
    from headstart.transfer.scratch import LabelledPictures

_MOST_IN_MEMORY = 512 * 1024**2

#: Leading principal axes of the plain representation that are used; for pictures they hold all but a percent or so.
PLAIN_AXES = 256


def plain_baseline(examples: Examples, *, seed: int, progress: Progress) -> Candidate:
    """The same classifier as the probe's, on what the data are without any model: raw pixels for pictures."""
    progress.start(examples.modality.plain_name)
    watch = Stopwatch()
    with watch.step("fit"):
        train = examples.arranged.rows("train")
        probe = fit_probe(
            examples.plain.select(train),
            examples.arranged.labels[train],
            classes=len(examples.arranged.classes),
            groups=examples.arranged.groups(train),
            seed=seed,
            most_axes=PLAIN_AXES,
        )
        validation, test = (
            probe.head.probabilities(examples.plain.select(examples.arranged.rows(split)))
            for split in ("validation", "test")
        )
    detail = f"logistic regression, strength {probe.strength:.3g}"
    progress.finish(detail)
    return Candidate(
        name=examples.modality.plain_name,
        strategy="logistic regression",
        kind="baseline",
        status="ok" if probe.converged else "not converged",
        detail=detail,
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
    """The small network at the data's native size and the backbone's own architecture, both from random weights.

    Args:
        examples: The examples.
        budget: Seconds that each may take; one that cannot finish in it is shown as such and never compared with.
        seed: Of weights, order and augmentation.
        progress: Who is told how far it is.
        work: Where the training of this name keeps what it needs to be taken up again.
    """
    from headstart.evaluation.baselines import SMALL_SIDES, same_architecture, small_network

    card, modality = examples.backbone.card, examples.modality
    side = native_side(examples, *SMALL_SIDES)
    small = LazyInputs(examples.arranged.items, lambda content: modality.miniature(content, side))
    large = LazyInputs(examples.arranged.items, lambda content: modality.prepare(content, card.preprocess).inputs)
    return [
        small_network(
            _labelled(examples, small), budget=budget, seed=seed, progress=progress, work=work("small network")
        ),
        same_architecture(
            card,
            _labelled(examples, large),
            budget=budget,
            seed=seed,
            progress=progress,
            work=work("same architecture"),
        ),
    ]


def native_side(examples: Examples, least: int, most: int) -> int:
    """The median shorter side of the items, within what the small network is made for."""
    shorter = [min(inspection.size) for inspection in examples.arranged.inspections]
    return int(np.clip(np.median(shorter), least, most))


class LazyInputs:
    """Inputs by place, decoded when first asked for and kept; where they are large, in a temporary file.

    Args:
        items: Of what.
        make: Content to an input; all inputs have one shape.
    """

    def __init__(self, items: Sequence[Item], make: Callable[[Content], NDArray[np.uint8]]) -> None:
        self._items, self._make = items, make
        first = make(self._items[0].source.read())
        shape = (len(self._items), *first.shape)
        self._rows: NDArray[np.uint8]
        if int(np.prod(shape)) <= _MOST_IN_MEMORY:
            self._rows = np.empty(shape, dtype=np.uint8)
        else:
            with tempfile.TemporaryFile() as stream:  # freed by the system with the last reference to the mapping
                reserve(stream, int(np.prod(shape)))
                self._rows = np.memmap(stream, dtype=np.uint8, mode="w+", shape=shape)
        self._there = np.zeros(len(self._items), dtype=np.bool_)

    def __call__(self, places: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Inputs ``(B, ...)`` of some places."""
        new = np.unique(places[~self._there[places]])
        if len(new):
            with ThreadPoolExecutor(max_workers=cores()) as pool:
                for place, row in zip(new, pool.map(self._decode, new), strict=True):
                    self._rows[place] = row
            self._there[new] = True
        return self._rows[places]

    def _decode(self, place: int) -> NDArray[np.uint8]:
        return self._make(self._items[place].source.read())


def _labelled(examples: Examples, inputs: LazyInputs) -> LabelledPictures:
    from headstart.transfer.scratch import LabelledPictures

    arranged = examples.arranged
    train, validation, test = (arranged.rows(split) for split in SPLITS)
    return LabelledPictures(
        inputs, arranged.labels, train=train, validation=validation, test=test, classes=len(arranged.classes)
    )
