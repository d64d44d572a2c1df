"""A tuned network becomes a run's model: converted like any backbone, calibrated, and measured as it will answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from headstart.core.progress import Progress
from headstart.evaluation.candidates import Candidate
from headstart.features.store import Table
from headstart.features.trial import engine_trial
from headstart.metrics.temperature import best_temperature, doubt_after
from headstart.transfer.heads import LinearHead
from headstart.workflows.fitted import Fitted, convert_tuned, features_by_trained
from headstart.workflows.gather import Examples

if TYPE_CHECKING:
    from headstart.transfer.tuning import Tuned


def fitted_from(tuned: Tuned, candidate: Candidate, examples: Examples, *, device: str, progress: Progress) -> Fitted:
    """The tuned network as a model that can be saved; its figures are those of the converted form.

    Args:
        tuned: What the training came to.
        candidate: The same as a candidate; its probabilities are replaced by those of the converted form.
        examples: The examples.
        device: Where its features are computed.
        progress: Who is told how far it is.
    """
    weights, head = tuned.arrays()
    converted = convert_tuned(
        examples.backbone.card, weights, training=tuned.step.name, data=examples.arranged.table.name
    )
    rows = {split: examples.arranged.rows(split) for split in ("validation", "test")}
    items = [examples.arranged.items[row] for split in rows for row in rows[split]]
    choice, features = features_by_trained(
        converted,
        items,
        examples,
        device=device,
        progress=progress,
        trial=engine_trial(examples.backbone, device=device, progress=progress),  # the same architecture: as fast
    )
    held_out = np.arange(len(rows["validation"]))
    validation = features.select(held_out)
    test = features.select(np.arange(len(held_out), len(items)))
    labels = examples.arranged.labels[rows["validation"]]
    calibrated = _calibrated(LinearHead(head["weight"], head["bias"], temperature=1.0), validation, labels)
    measured = replace(
        candidate,
        validation_probabilities=calibrated.probabilities(validation),
        test_probabilities=calibrated.probabilities(test),
    )
    return Fitted(
        tuned.step.strategy,
        converted,
        choice,
        test,
        calibrated,
        measured,
        facts={"head": "linear", **tuned.facts()},
        trained_backbone=True,
    )


def _calibrated(head: LinearHead, validation: Table, labels: NDArray[np.int64]) -> LinearHead:
    """The head with the temperature that suits its logits on validation items best (Guo et al. 2017)."""
    logits = np.concatenate([rows @ head.weight.T + head.bias for _, rows in validation.chunks(8192)])
    temperature, _ = best_temperature(logits.astype(np.float32), labels, doubt=doubt_after(len(labels)))
    return replace(head, temperature=temperature)
