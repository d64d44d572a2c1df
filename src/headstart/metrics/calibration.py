"""Whether a model is as often right as it says: reliability bins and the expected calibration error."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.metrics.inputs import check_probabilities

BINS = 15


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The items whose confidence lies in one interval.

    Attributes:
        low: Smallest confidence in the bin.
        high: Largest confidence in the bin.
        count: Number of items.
        confidence: Mean confidence.
        accuracy: Share of items that are right.
    """

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float

    def to_json(self) -> dict[str, float]:
        """As plain JSON values."""
        return asdict(self)


def expected_calibration_error(labels: NDArray[np.int64], probabilities: NDArray[Any], *, bins: int = BINS) -> float:
    r"""Mean distance between confidence and accuracy over bins of confidence.

    .. math:: \sum_b \frac{n_b}{N} \left| \mathrm{accuracy}_b - \mathrm{confidence}_b \right|

    Confidence is the largest probability of an item (Guo et al. 2017, "On Calibration of Modern Neural
    Networks", after Naeini et al. 2015). The bins hold equally many items instead of being equally wide,
    because most confidences of a good model lie near 1 and would share one bin (Nixon et al. 2019, "Measuring
    Calibration in Deep Learning"). The estimate is biased upwards: few items per bin make even a calibrated
    model look somewhat off.

    Args:
        labels: Class indices, shape ``(N,)``.
        probabilities: Rows that sum to one, shape ``(N, C)``.
        bins: Most bins; fewer where many items share one confidence, since those are never separated.

    Returns:
        A value in [0, 1]; lower is better.

    Raises:
        UsageError: The arrays do not belong together.

    Example:
        >>> sure = np.array([[0.9, 0.1], [0.9, 0.1]])
        >>> round(expected_calibration_error(np.array([0, 1]), sure), 3)
        0.4
    """
    confidence, right = confidence_and_correctness(labels, probabilities)
    index = bin_indices(confidence, bins=bins)
    gaps = np.bincount(index, weights=right - confidence)
    return float(np.abs(gaps).sum() / len(labels))


def reliability_bins(
    labels: NDArray[np.int64], probabilities: NDArray[Any], *, bins: int = BINS
) -> tuple[ReliabilityBin, ...]:
    """The bins behind :func:`expected_calibration_error`, by rising confidence.

    Args:
        labels: Class indices, shape ``(N,)``.
        probabilities: Rows that sum to one, shape ``(N, C)``.
        bins: Most bins.

    Raises:
        UsageError: The arrays do not belong together.
    """
    confidence, right = confidence_and_correctness(labels, probabilities)
    index = bin_indices(confidence, bins=bins)
    members = [index == number for number in range(int(index.max()) + 1)]
    return tuple(_reliability_bin(confidence[inside], right[inside]) for inside in members)


def confidence_and_correctness(
    labels: NDArray[np.int64], probabilities: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The largest probability of each item, and whether its class is the label; both of shape ``(N,)``."""
    check_probabilities(labels, probabilities)
    return probabilities.max(axis=1).astype(np.float64), probabilities.argmax(axis=1) == labels


def bin_indices(confidence: NDArray[np.float64], *, bins: int) -> NDArray[np.int64]:
    """The bin of each item: bins of about equal size, in order, none empty; equal confidences share one.

    Args:
        confidence: Shape ``(N,)``.
        bins: Most bins.

    Returns:
        Shape ``(N,)``, from 0 to the number of bins less one.

    Example:
        >>> bin_indices(np.array([0.9, 0.5, 0.6, 0.9]), bins=2)
        array([1, 0, 0, 1])
    """
    edges = np.quantile(confidence, np.arange(1, bins) / bins)
    _, index = np.unique(np.searchsorted(edges, confidence, side="right"), return_inverse=True)
    return index


def _reliability_bin(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> ReliabilityBin:
    return ReliabilityBin(
        low=float(confidence.min()),
        high=float(confidence.max()),
        count=len(confidence),
        confidence=float(confidence.mean()),
        accuracy=float(right.mean()),
    )
