"""Some validation items as the backbone sees them, for questions that a few hundred can answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.converted import ConvertedBackbone
from headstart.backbones.preprocess import as_batch
from headstart.features.engines.contract import EngineSpec
from headstart.features.trial import start_engine
from headstart.workflows.gather import Examples
from headstart.workflows.views import plain_input

_BATCH = 32


def sampled_rows(examples: Examples, most: int) -> NDArray[np.intp]:
    """Rows of at most ``most`` validation examples, evenly spaced."""
    rows = examples.arranged.rows("validation")
    return rows[:: -(-len(rows) // most)]


def inputs_of(examples: Examples, rows: Sequence[int] | NDArray[np.intp]) -> list[NDArray[Any]]:
    """The backbone's inputs for these examples as they are, by the path that was admitted."""
    return [plain_input(examples, examples.arranged.items[int(row)].source.read()) for row in rows]


def pooled_outputs(
    spec: EngineSpec, backbone: ConvertedBackbone, stages: Sequence[str], inputs: Sequence[NDArray[Any]]
) -> dict[str, NDArray[np.float32]]:
    """Pooled features ``(n, dim)`` of some stages for prepared inputs, by an engine of its own."""
    engine = start_engine(spec, backbone, stages)
    batches = [engine.compute(as_batch(inputs[start : start + _BATCH])) for start in range(0, len(inputs), _BATCH)]
    return {name: np.concatenate([batch[name] for batch in batches]) for name in stages}
