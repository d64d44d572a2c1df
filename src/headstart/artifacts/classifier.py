"""A saved run that tells classes apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headstart.artifacts.evaluate import Evaluation, evaluate_model
from headstart.artifacts.predict import Prediction, left_out, predict
from headstart.artifacts.saved_model import SavedModel
from headstart.core.progress import Progress
from headstart.data.columns import Columns


class SavedClassifier(SavedModel):
    """The model of a run that gives every item one of some classes."""

    def predict(
        self,
        inputs: Sequence[str | Path | tuple[str, str] | NDArray[np.uint8]],
        *,
        columns: Columns | None = None,
        progress: Progress | None = None,
    ) -> list[Prediction]:
        """Classes of files, of everything in folders, of arrays, and of texts as they are.

        Args:
            inputs: Paths, patterns, arrays; where the model is one of texts also texts and pairs.
            columns: Columns of a table.
            progress: Who is told how far it is.

        Returns:
            A prediction per item found, then one per array, then one per input that was not found or is of another
            kind.
        """
        items, others = self.items_of(inputs, columns)
        return [*predict(self, items, progress=progress), *map(left_out, others)]

    def evaluate(self, data: str, *, columns: Columns | None = None, progress: Progress | None = None) -> Evaluation:
        """Measures the model on labelled data; see :func:`headstart.artifacts.evaluate.evaluate_model`."""
        return evaluate_model(self, data, columns=columns, progress=progress)
