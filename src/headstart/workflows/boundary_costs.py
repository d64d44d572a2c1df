"""What each boundary would cost here: the measurements that a plan of tuning steps is made from."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.preprocess import Preprocess, as_batch
from headstart.core.machine import cores
from headstart.features.admission import Choice
from headstart.features.trial import BATCH
from headstart.transfer.tuning_plan import BoundaryCost
from headstart.workflows.gather import Examples
from headstart.workflows.views import plain_input

#: Examples that a measurement is made on; where they differ in length, so many say how long a batch in training is.
_SAMPLE, _LENGTHS = 8, 32
_CACHED_BYTES = 2  # per value, in half precision


def boundary_costs(examples: Examples, *, device: str) -> list[BoundaryCost]:
    """The cost of every boundary that the backbone offers, the highest first and the bottom last.

    What lies above is timed stage by stage in torch; what lies below costs as much of the frozen engine's time as it
    has share in the forward pass, and the decoding of an example. Where inputs differ in length, a place is taken to
    cost the same in a short one as in a long one.

    Args:
        examples: The examples; a few training ones are measured.
        device: Where training would be.
    """
    import torch

    from headstart.training.activations import InputExamples
    from headstart.training.stage_costs import stage_costs

    card = examples.backbone.card
    places = _spread(examples.arranged.rows("train"), _LENGTHS if -1 in card.preprocess.axes else _SAMPLE)
    begun = time.perf_counter()
    inputs = [_as_trained_on(examples, int(place)) for place in places]
    decoding = (time.perf_counter() - begun) / len(places) / cores()
    lengths = Lengths.of(inputs, card.preprocess)
    batch, some = as_batch(inputs), np.arange(min(_SAMPLE, len(inputs)))
    backbone = examples.backbone.load().to(device).to(memory_format=torch.channels_last)
    sample = InputExamples(
        lambda rows, _: batch[rows], examples.arranged.labels[places], preprocess=card.preprocess, device=device
    ).batch(some, None)
    costs = stage_costs(backbone, sample.inputs, sample.context)
    whole = sum(cost.seconds for cost in costs)
    tried = engine_seconds(examples.choice)
    engine = tried * lengths.own / lengths.tried if tried else whole * lengths.own / lengths.trained
    found = []
    for position in range(len(costs) - 1, 0, -1):
        below = sum(cost.seconds for cost in costs[:position]) / whole
        if card.stages[position - 1].boundary:
            values = costs[position - 1].output_values * lengths.own / lengths.trained
            found.append(
                BoundaryCost(
                    card.stages[position].name,
                    share_below=below,
                    below_seconds=decoding + below * engine,
                    above_seconds=(1 - below) * whole,
                    row_bytes=round(_CACHED_BYTES * values),
                )
            )
    return [*found, BoundaryCost("bottom", 0.0, below_seconds=decoding, above_seconds=whole, row_bytes=0)]


@dataclass(frozen=True, slots=True)
class Lengths:
    """How long inputs are where they differ in length, in places of a batch; 1 each where they do not.

    A cache is filled with inputs of nearly one length together, each at its own; training meets them at random, all
    of a batch at the length of its longest; engines were tried on noise of a length of its own.

    Attributes:
        own: An input alone, on average.
        trained: In a batch for training.
        tried: In an engine's trial.
    """

    own: float = 1
    trained: float = 1
    tried: float = 1

    @classmethod
    def of(cls, inputs: Sequence[NDArray[Any]], preprocess: Preprocess) -> Lengths:
        """As these inputs say: as many as make a batch."""
        if -1 not in preprocess.axes:
            return cls()
        alone = [as_batch([values]).shape[1] for values in inputs]
        return cls(float(np.mean(alone)), max(alone), preprocess.random_inputs(BATCH).shape[1])


def _spread(rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """At most so many of the rows, evenly spaced."""
    return rows[np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(np.intp)]


def engine_seconds(choice: Choice) -> float | None:
    """Seconds per input of the frozen engine, by the trial; ``None`` where it was not timed."""
    speeds = [row.inputs_per_second for row in choice.judged if row.engine == choice.spec]
    return 1 / speeds[-1] if speeds and speeds[-1] else None


def _as_trained_on(examples: Examples, place: int) -> NDArray[Any]:
    """An input changed at random, where its modality knows how."""
    content = examples.arranged.items[place].source.read()
    if examples.modality.augment is None:
        return plain_input(examples, content)
    chance = np.random.default_rng(place)
    return examples.modality.augment(content, examples.backbone.card.preprocess, chance, frozenset())
