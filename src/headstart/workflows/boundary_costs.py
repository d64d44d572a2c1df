"""What each boundary would cost here: the measurements that a plan of tuning steps is made from."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.preprocess import as_batch
from headstart.core.machine import cores
from headstart.features.admission import Choice
from headstart.transfer.tuning_plan import BoundaryCost
from headstart.workflows.gather import Examples
from headstart.workflows.views import plain_input

#: Examples that a measurement is made on.
_SAMPLE = 8
_CACHED_BYTES = 2  # per value, in half precision


def boundary_costs(examples: Examples, *, device: str) -> list[BoundaryCost]:
    """The cost of every boundary that the backbone offers, the highest first and the bottom last.

    What lies above is timed stage by stage in torch; what lies below costs as much of the frozen engine's time as it
    has share in the forward pass, and the decoding of an example.

    Args:
        examples: The examples; a few training ones are measured.
        device: Where training would be.
    """
    import torch

    from headstart.training.activations import InputExamples
    from headstart.training.stage_costs import stage_costs

    card = examples.backbone.card
    places = examples.arranged.rows("train")[:_SAMPLE]
    begun = time.perf_counter()
    inputs = as_batch([_as_trained_on(examples, int(place)) for place in places])
    decoding = (time.perf_counter() - begun) / len(places) / cores()
    backbone = examples.backbone.load().to(device).to(memory_format=torch.channels_last)
    sample = InputExamples(
        lambda rows, _: inputs[rows], examples.arranged.labels[places], preprocess=card.preprocess, device=device
    )
    batch = sample.batch(np.arange(len(places)), None)
    costs = stage_costs(backbone, batch.inputs, batch.context)
    whole = sum(cost.seconds for cost in costs)
    engine = engine_seconds(examples.choice) or whole
    found = []
    for position in range(len(costs) - 1, 0, -1):
        below = sum(cost.seconds for cost in costs[:position]) / whole
        if card.stages[position - 1].boundary:
            found.append(
                BoundaryCost(
                    card.stages[position].name,
                    share_below=below,
                    below_seconds=decoding + below * engine,
                    above_seconds=(1 - below) * whole,
                    row_bytes=_CACHED_BYTES * costs[position - 1].output_values,
                )
            )
    return [*found, BoundaryCost("bottom", 0.0, below_seconds=decoding, above_seconds=whole, row_bytes=0)]


def engine_seconds(choice: Choice) -> float | None:
    """Seconds per input of the frozen engine, by the trial; ``None`` where it was not timed."""
    speeds = [row.images_per_second for row in choice.judged if row.engine == choice.spec]
    return 1 / speeds[-1] if speeds and speeds[-1] else None


def _as_trained_on(examples: Examples, place: int) -> NDArray[Any]:
    """An input changed at random, where its modality knows how."""
    content = examples.arranged.items[place].source.read()
    if examples.modality.augment is None:
        return plain_input(examples, content)
    chance = np.random.default_rng(place)
    return examples.modality.augment(content, examples.backbone.card.preprocess, chance, frozenset())
