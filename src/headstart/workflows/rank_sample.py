"""Which examples backbones are ranked on: some that a fit would train on, the same ones for all candidates."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import DataError, UsageError
from headstart.core.progress import Progress
from headstart.data.items import Item, ItemTable, class_indices, groups_of
from headstart.data.splits import assign_splits, limit_per_class
from headstart.features.extraction import read_digests
from headstart.transfer.ranking import LEAST_PER_CLASS, random_halves, stratified_order
from headstart.workflows.arrange import DataOptions, lone_group
from headstart.workflows.gather import refuse_or_warn
from headstart.workflows.recognised import modality_of, read_items, recognised

#: As many examples as backbones are ranked on where nobody says otherwise, and at least so many per class.
EXAMPLES, EXAMPLES_PER_CLASS = 1000, 10
#: How many of them many candidates are thinned out on.
FIRST_LOOK, FIRST_LOOK_PER_CLASS = 200, 5
#: Halves of the sample on which every score is computed anew; a mean over examples costs next to nothing.
HALVES, HALVES_COMPUTED = 1000, 40


@dataclass(frozen=True)
class Sample:
    """Labelled training examples, every beginning of them stratified.

    Attributes:
        origin: The data, as the user gave it.
        items: The examples.
        digests: Their content's identities.
        labels: ``(N,)``, class indices.
        classes: Number of classes.
        seed: Of the halves.
    """

    origin: str
    items: tuple[Item, ...]
    digests: tuple[str, ...]
    labels: NDArray[np.int64]
    classes: int
    seed: int

    def first(self, count: int) -> Sample:
        """The first so many of them."""
        return replace(self, items=self.items[:count], digests=self.digests[:count], labels=self.labels[:count])

    def first_look(self) -> Sample:
        """As few of them as can tell good candidates from bad ones."""
        return self.first(max(FIRST_LOOK, FIRST_LOOK_PER_CLASS * self.classes))

    def halves(self) -> NDArray[np.bool_]:
        """Random halves of them, :data:`HALVES` rows."""
        return random_halves(self.labels, count=HALVES, groups=groups_of(self.items), seed=self.seed)

    @property
    def identity(self) -> str:
        """A hash over what is ranked on: contents and labels."""
        lines = (f"{digest} {item.label!r}\n" for digest, item in zip(self.digests, self.items, strict=True))
        return hashlib.sha256("".join(lines).encode("utf-8", "backslashreplace")).hexdigest()


def read_sample(data: DataOptions, *, most: int | None = None, progress: Progress) -> Sample:
    """Reads data and draws examples from what a fit would train on; see :func:`draw_sample`.

    Raises:
        DataError: The data cannot be learned from; all that is wrong with it stands in one message.
    """
    progress.start("read")
    data = recognised(data)
    modality = modality_of(data)
    table = read_items(data.data, modality, data.columns)
    warnings = refuse_or_warn(table)
    sample = draw_sample(table, data, most=most)
    progress.finish(f"{len(sample.items)} training {modality.item_word}s of {sample.classes} classes to rank on")
    for warning in warnings:
        progress.say(f"Warning: {warning}")
    return sample


def draw_sample(table: ItemTable, data: DataOptions, *, most: int | None = None) -> Sample:
    """Draws examples from the training split that a fit of the same data would make; equal files count once.

    No label of the validation or the test split is looked at. Where a fit finds items that are equal once decoded, it
    takes them together, and a few examples at the border may stand in another split there.

    Args:
        table: Labelled items, which can be learned from.
        data: How splits are made, and how many labels there are to learn from.
        most: At most so many examples; ``None`` for :data:`EXAMPLES`, or :data:`EXAMPLES_PER_CLASS` for each class.

    Raises:
        UsageError: So many examples cannot stand for all classes.
        DataError: Two classes are not left, or all examples are of one group.
    """
    items = assign_splits(table.items, seed=data.seed)
    if data.per_class is not None:
        items = limit_per_class(items, data.per_class, seed=data.seed)
    train = [item for item in items if item.split == "train" and item.label is not None]
    known = table.with_items(train).classes
    labels = class_indices(train, known)
    order = stratified_order(labels, [_draw(item.id, data.seed) for item in train])
    if most is not None and most < LEAST_PER_CLASS * len(known):
        raise UsageError(
            f"Expected --subset to hold {LEAST_PER_CLASS} examples of each of {len(known)} classes, but got {most}; "
            f"make it {LEAST_PER_CLASS * len(known)} or more."
        )
    size = max(EXAMPLES, EXAMPLES_PER_CLASS * len(known)) if most is None else most
    return _without_twins([train[place] for place in order[:size]], data.seed, origin=table.origin)


def _without_twins(items: Sequence[Item], seed: int, *, origin: str) -> Sample:
    """A sample in which no content stands twice: its own twin would tell its class."""
    firsts: dict[str, int] = {}
    for place, digest in enumerate(read_digests(items).values):
        if digest:
            firsts.setdefault(digest, place)
    kept = [items[place] for place in firsts.values()]
    known = sorted({str(item.label) for item in kept})
    if len(known) < 2:
        raise DataError(
            f"Expected training examples of two classes or more that can be read in {origin}, but got those of "
            f"{len(known)}; add some, or rank on a larger --subset."
        )
    if problems := lone_group(kept):
        raise DataError.from_problems(f"Backbones cannot be ranked on {origin}:", problems)
    return Sample(origin, tuple(kept), tuple(firsts), class_indices(kept, known), len(known), seed)


def _draw(name: str, seed: int) -> bytes:
    """Chance that hangs on an item's name alone, and is not the one by which splits are drawn."""
    return hashlib.blake2b(f"rank {seed}:{name}".encode("utf-8", "surrogateescape"), digest_size=8).digest()
