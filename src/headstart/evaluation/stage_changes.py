"""What training changed in which stage: how far its weights went, and whether its output keeps its geometry."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError
from headstart.metrics.cka import linear_cka

#: A stage's parameters and buffers by name.
Tensors: TypeAlias = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class StageChange:
    """What training changed in one stage.

    Attributes:
        name: Of the stage.
        trained: Whether it lies above the boundary.
        weight_distance: See :func:`weight_distance`.
        cka: Linear CKA between the stage's outputs before and after; see :func:`headstart.metrics.cka.linear_cka`.
            ``None`` where no features were given or they are the same for all items.
    """

    name: str
    trained: bool
    weight_distance: float | None
    cka: float | None

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


def stage_changes(
    stages: Sequence[str],
    *,
    trained: Collection[str],
    weights_before: Mapping[str, Tensors],
    weights_after: Mapping[str, Tensors],
    features_before: Mapping[str, NDArray[Any]],
    features_after: Mapping[str, NDArray[Any]],
) -> list[StageChange]:
    """What training changed, stage by stage.

    Args:
        stages: Names of the stages, input to output.
        trained: Names of those above the boundary.
        weights_before: Parameters and buffers of each stage before training; a stage without any may be left out.
        weights_after: The same afterwards.
        features_before: Output of each stage for the same items before training, shape ``(N, D)``; a stage may be
            left out.
        features_after: The same afterwards.

    Returns:
        A change per stage, in their order.

    Raises:
        UsageError: Before and after do not have the same tensors, or their features are not those of the same items.
    """
    changes = []
    for name in stages:
        distance = weight_distance(weights_before.get(name, {}), weights_after.get(name, {}))
        known = name in features_before and name in features_after
        similarity = linear_cka(features_before[name], features_after[name]) if known else None
        changes.append(StageChange(name, name in trained, distance, similarity))
    return changes


def weight_distance(before: Tensors, after: Tensors) -> float | None:
    r"""How far weights went, relative to their length.

    .. math:: \frac{\lVert w' - w \rVert_2}{\lVert w \rVert_2}

    over all floating tensors together, parameters and buffers, in float64. Counters and other whole numbers do not
    take part.

    Returns:
        0 where nothing moved; ``None`` where there are no floating tensors, or all of them were zero.

    Raises:
        UsageError: Names or shapes differ.

    Example:
        >>> weight_distance({"w": np.array([3.0, 4.0])}, {"w": np.array([3.0, 3.0])})
        0.2
    """
    _check_alike(before, after)
    names = [name for name, tensor in before.items() if np.issubdtype(tensor.dtype, np.floating)]
    length = sqrt(sum(_squares(before[name].astype(np.float64)) for name in names))
    moved = sqrt(sum(_squares(after[name].astype(np.float64) - before[name]) for name in names))
    return moved / length if length else None


def _squares(values: NDArray[np.float64]) -> float:
    """The sum of squares."""
    return float(np.vdot(values, values))


def _check_alike(before: Tensors, after: Tensors) -> None:
    shapes, others = ({name: tensor.shape for name, tensor in side.items()} for side in (before, after))
    differing = sorted(name for name in shapes.keys() | others.keys() if shapes.get(name) != others.get(name))
    if differing:
        raise UsageError(
            f"Expected the same tensors before and after, but {', '.join(differing)} differ in name or shape; "
            "compare one model with itself."
        )
