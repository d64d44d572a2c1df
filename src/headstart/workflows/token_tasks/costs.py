"""What each boundary would cost here, for tasks on tokens."""

from __future__ import annotations

import numpy as np

from headstart.backbones.preprocess import as_batch
from headstart.backbones.token_features import without_pooling
from headstart.transfer.tuning_plan import BoundaryCost
from headstart.workflows.boundary_costs import Lengths, engine_seconds
from headstart.workflows.token_tasks.examples import TokenExamples, Windows

#: Windows that the stages are timed on, and bytes of a value that is kept.
_SAMPLE, _CACHED_BYTES = 8, 2


def boundary_costs(examples: TokenExamples, windows: Windows, *, device: str) -> list[BoundaryCost]:
    """The cost of every boundary that the backbone offers, the highest first and the bottom last.

    What lies above is timed stage by stage on a sample from short windows to long ones; what lies below costs
    as much of the frozen engine's time as it has share in the forward pass.

    Args:
        examples: The examples.
        windows: Of the training items.
        device: Where training would be.
    """
    import torch

    from headstart.training.stage_costs import stage_costs

    card = examples.backbone.card
    places = ((np.arange(_SAMPLE) + 0.5) * len(windows.all) / _SAMPLE).astype(int)
    inputs = [windows.all[place].tokens for place in places]
    lengths = Lengths.of(inputs, card.preprocess)
    batch = torch.from_numpy(as_batch(inputs)).to(device)
    hidden, context = card.preprocess.entrance().to(device)(batch)
    costs = stage_costs(without_pooling(examples.backbone.load()).to(device), hidden, context)
    whole = sum(cost.seconds for cost in costs)
    tried = engine_seconds(examples.choice)
    engine = tried * lengths.own / lengths.tried if tried else whole * lengths.own / lengths.trained
    found = []
    for position in range(len(costs) - 1, 0, -1):
        below = sum(cost.seconds for cost in costs[:position]) / whole
        if card.stages[position - 1].boundary:
            found.append(
                BoundaryCost(
                    card.stages[position].name,
                    share_below=below,
                    below_seconds=below * engine,
                    above_seconds=(1 - below) * whole,
                    row_bytes=round(_CACHED_BYTES * costs[position - 1].output_values * lengths.own / lengths.trained),
                )
            )
    return [*found, BoundaryCost("bottom", 0.0, below_seconds=0.0, above_seconds=whole, row_bytes=0)]
