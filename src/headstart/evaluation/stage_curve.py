"""At which depth pretrained features stop helping: accuracy by stage, with and without the pretraining.

Every figure is the share of the same items that a probe told right without having seen them, so all comparisons are
paired. Intervals count the items and not the choice of folds, and the best of several stages is the best by chance in
part (Bengio & Grandvalet 2004, "No Unbiased Estimator of the Variance of K-Fold Cross-Validation"): they are for
advice before a fit, and no verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.evaluation.intervals import Interval, rate
from headstart.evaluation.paired import paired_difference

Right = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class StageAccuracy:
    """What probes reach on one stage's pooled features.

    Attributes:
        stage: Its name.
        pretrained: Out-of-fold accuracy with the pretrained weights.
        random: The same with random weights.
    """

    stage: str
    pretrained: Interval
    random: Interval


@dataclass(frozen=True, slots=True)
class StageCurve:
    """Accuracy by stage, and what follows from it.

    Attributes:
        stages: Input to output.
        plain: Accuracy on the items as they are.
        plain_name: What that is: ``"raw pixels"``.
        best: The stage with the highest accuracy, the first of equals.
        sufficient: The first stage that is not shown to be worse than the best: no later one is shown to add anything.
        beyond: Accuracy of the best stage less that of the top.
        opponent: The best features without the pretraining.
        gain: Accuracy of the best stage less that of the opponent.
        doubling: Accuracy of the best stage less what it reaches with half the labels; ``None`` where not measured.
    """

    stages: tuple[StageAccuracy, ...]
    plain: Interval
    plain_name: str
    best: str
    sufficient: str
    beyond: Interval
    opponent: str
    gain: Interval
    doubling: Interval | None

    @property
    def accuracy(self) -> Interval:
        """That of the best stage."""
        return next(entry.pretrained for entry in self.stages if entry.stage == self.best)


def best_stage(pretrained: Sequence[Right]) -> int:
    """The place of the stage that tells most items right, the first of equals."""
    return int(np.argmax([right.mean() for right in pretrained]))


def stage_curve(
    stages: Sequence[str],
    *,
    pretrained: Sequence[Right],
    random: Sequence[Right],
    plain: Right,
    plain_name: str,
    half: Right | None = None,
    groups: NDArray[Any] | None = None,
) -> StageCurve:
    """Puts together what probes told right.

    Args:
        stages: Names of the S stages, input to output.
        pretrained: Whether each of N items was told right on the features of each stage, ``(N,)`` each.
        random: The same with random weights.
        plain: The same on the plain representation.
        plain_name: What that is: ``"raw pixels"``.
        half: The same for the best pretrained stage, learned from half the labels; ``None`` where not measured.
        groups: Group of each item, ``(N,)``; ``None`` where items are independent.

    Example:
        >>> none, some, all_ = np.zeros(40, bool), np.arange(40) % 4 == 0, np.ones(40, bool)
        >>> curve = stage_curve(
        ...     ["low", "high", "top"], pretrained=[some, all_, all_], random=[none] * 3, plain=some,
        ...     plain_name="raw pixels",
        ... )
        >>> curve.best, curve.sufficient, curve.opponent, curve.gain.value
        ('high', 'high', 'raw pixels', 0.75)
    """
    best = best_stage(pretrained)
    others = [*((f"random weights at {name}", right) for name, right in zip(stages, random, strict=True))]
    opponent, opponent_right = max([*others, (plain_name, plain)], key=lambda other: float(other[1].mean()))

    def less(right: Right, other: Right) -> Interval:
        return paired_difference(right, other, groups=groups)

    sufficient = next(place for place, right in enumerate(pretrained) if less(right, pretrained[best]).high >= 0)
    return StageCurve(
        stages=tuple(
            StageAccuracy(name, rate(with_pretraining, groups=groups), rate(without, groups=groups))
            for name, with_pretraining, without in zip(stages, pretrained, random, strict=True)
        ),
        plain=rate(plain, groups=groups),
        plain_name=plain_name,
        best=stages[best],
        sufficient=stages[sufficient],
        beyond=less(pretrained[best], pretrained[-1]),
        opponent=opponent,
        gain=less(pretrained[best], opponent_right),
        doubling=None if half is None else less(pretrained[best], half),
    )
