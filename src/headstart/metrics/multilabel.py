"""How well sets of labels are predicted, as functions of sums over items, and the loss of their logits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError
from headstart.metrics.per_class import ClassCounts, f1, mean_over_classes
from headstart.metrics.summed import SummedMetrics
from headstart.metrics.temperature import best_temperature


def label_summands(there: NDArray[Any], predicted: NDArray[Any]) -> NDArray[np.float64]:
    """What the metrics of some predicted sets are made of.

    Args:
        there: Whether each item has each label, ``(N, C)``.
        predicted: Whether it was given it, ``(N, C)``.

    Returns:
        One row per item, ``(N, 3 C + 3)``: for each label whether it was found, whether it was predicted and whether it
        is there; whether the whole set is right, the share of right decisions, and 1.

    Raises:
        UsageError: Both are not of one shape ``(N, C)``.

    Example:
        >>> label_summands(np.array([[1, 0]]), np.array([[1, 1]])).tolist()
        [[1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.5, 1.0]]
    """
    there, predicted = np.asarray(there, np.bool_), np.asarray(predicted, np.bool_)
    if there.ndim != 2 or there.shape != predicted.shape:
        raise UsageError(
            f"Expected predicted labels of shape {there.shape}, one row per item, but got {predicted.shape}."
        )
    right = there == predicted
    whole, share = right.all(axis=1)[:, None], right.mean(axis=1)[:, None]
    return np.hstack([there & predicted, predicted, there, whole, share, np.ones((len(there), 1))]).astype(np.float64)


def label_metrics(labels: int) -> SummedMetrics:
    """Micro F1, which decides, subset accuracy, macro F1 and Hamming accuracy, of :func:`label_summands`.

    Args:
        labels: Number of labels C.
    """
    kinds = ("found", "predicted", "there")
    return SummedMetrics(
        columns=(
            *(f"{kind} {label}" for kind in kinds for label in range(labels)),
            "whole set",
            "right share",
            "items",
        ),
        leading="micro_f1",
        formulas={"micro_f1": micro_f1, "macro_f1": macro_f1, "hamming_accuracy": hamming_accuracy},
        shares={"subset_accuracy": "whole set"},
    )


def micro_f1(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""F1 over all pairs of an item and a label, :math:`2 TP / (2 TP + FP + FN)`.

    Args:
        sums: Of :func:`label_summands`, ``(..., 3 C + 3)``.

    Returns:
        Shape ``(...)``, in [0, 1]; 0 where no label is there or predicted.
    """
    found, predicted, there = (part.sum(axis=-1) for part in _by_label(sums))
    shares: NDArray[np.float64] = np.zeros(np.shape(found))
    np.divide(2 * found, predicted + there, out=shares, where=np.asarray(predicted + there) > 0)
    return shares


def macro_f1(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean F1 of the labels that any item has: a rare label counts as much as a frequent one.

    Args:
        sums: Of :func:`label_summands`, ``(..., 3 C + 3)``.

    Returns:
        Shape ``(...)``, in [0, 1]; 0 where no item has a label.
    """
    found, predicted, there = _by_label(sums)
    with np.errstate(invalid="ignore"):
        return np.nan_to_num(mean_over_classes(f1(ClassCounts(found, there, predicted))))


def hamming_accuracy(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of right decisions on single labels, ``1 - Hamming loss``: high by itself where labels are rare.

    Args:
        sums: Of :func:`label_summands`, ``(..., 3 C + 3)``.
    """
    return np.asarray(sums[..., -2] / sums[..., -1])


def counts_by_label(summands: NDArray[np.float64]) -> NDArray[np.float64]:
    """For each label the rows ``(N, 3)`` of its summands: found, predicted, there; ``(C, N, 3)``."""
    return np.stack(_by_label(summands), axis=-1).transpose(1, 0, 2)


def suited_temperature(logits: NDArray[Any], there: NDArray[Any], *, doubt: float = 0.0) -> tuple[float, float]:
    r"""The one temperature for all labels that makes their mean log loss smallest, and that loss in nats.

    A label's logit :math:`z` is that of two classes with the logits 0 and :math:`z`; see
    :func:`headstart.metrics.temperature.best_temperature`.

    Args:
        logits: ``(N, C)``, finite.
        there: ``(N, C)``, 1 where an item has a label, else 0.
        doubt: In [0, 1): what is taken from the right answer.
    """
    flat = np.asarray(logits, np.float32).ravel()
    pairs = np.stack([np.zeros_like(flat), flat], axis=1)
    return best_temperature(pairs, np.asarray(there).ravel().astype(np.int64), doubt=doubt)


def _by_label(sums: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    labels = (sums.shape[-1] - 3) // 3
    return sums[..., :labels], sums[..., labels : 2 * labels], sums[..., 2 * labels : 3 * labels]
