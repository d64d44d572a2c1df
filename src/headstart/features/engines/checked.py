"""An engine whose answers are looked at before anybody keeps them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import EngineError
from headstart.features.engines.contract import Engine, EngineSpec, Precision


class CheckedEngine:
    """Another engine, started when it is first needed; it has to keep its word.

    Args:
        start: Starts that engine.
        spec: What it was admitted as.
        backbone: The backbone's name, for messages.

    Attributes:
        precision: The precision that it was admitted in.
    """

    def __init__(self, start: Callable[[], Engine], *, spec: EngineSpec, backbone: str) -> None:
        self.precision: Precision = spec.precision
        self._start, self._spec, self._backbone = start, spec, backbone
        self._engine: Engine | None = None

    def compute(self, batch: NDArray[Any]) -> Mapping[str, NDArray[np.float32]]:
        """Each requested stage's output for a batch of prepared inputs.

        Raises:
            EngineError: The engine's effective precision is not the one asked for, or it gave NaN or infinity.
        """
        rows = self._running().compute(batch)
        for stage, values in rows.items():
            if not np.isfinite(values).all():
                raise EngineError(
                    f"Expected finite features, but stage {stage!r} of {self._backbone} gave NaN or infinity "
                    f"in {self._spec}; the weights do not suit this precision."
                )
        return rows

    def _running(self) -> Engine:
        if self._engine is None:
            engine = self._start()
            if engine.precision != self.precision:
                raise EngineError(
                    f"Expected features from {self._spec}, but this processor computes in {engine.precision}."
                )
            self._engine = engine
        return self._engine
