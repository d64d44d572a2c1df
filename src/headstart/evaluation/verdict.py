"""Whether the pretraining helped: the transfer against the strongest model without it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError
from headstart.evaluation.intervals import Interval, effective_size
from headstart.evaluation.paired import discordance, paired_difference, smallest_detectable_difference

Outcome = Literal["helps", "hurts", "no difference shown", "not judged"]

#: With fewer, the spread between groups is itself hardly known.
FEW_GROUPS = 10


@dataclass(frozen=True, eq=False)
class Opponent:
    """The strongest model without the pretraining.

    Attributes:
        name: What a person calls it: ``"raw pixels"``.
        right: Whether it is right about each test item, shape ``(N,)``.
    """

    name: str
    right: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, and what it rests on.

    Attributes:
        outcome: ``"helps"`` or ``"hurts"`` where the interval leaves out 0; ``"not judged"`` where nobody was
            to be compared with.
        against: Name of the opponent; ``None`` where not judged.
        difference: Test accuracy less the opponent's, in [-1, 1]; ``None`` where not judged, as are the next
            three.
        low: Lower end of its interval.
        high: Upper end of its interval.
        smallest_detectable: Difference that this test split would have shown in 80 % of cases.
        sentence: The answer for people.
        warnings: What else they should know.
    """

    outcome: Outcome
    against: str | None
    difference: float | None
    low: float | None
    high: float | None
    smallest_detectable: float | None
    sentence: str
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {**asdict(self), "warnings": list(self.warnings)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on the same test items, in the metric that decides.

    Attributes:
        value: What the transfer reached, in [0, 1].
        opponent_value: What its opponent reached.
        difference: The one less the other, with its interval.
        smallest_detectable: The true difference that such a split would show in 80 % of cases.
        items: Number of test items.
        metric: What is compared, in a word or two; empty for accuracy, which needs no name.
    """

    value: float
    opponent_value: float
    difference: Interval
    smallest_detectable: float
    items: int
    metric: str = ""


def judge(
    right: NDArray[np.bool_],
    opponent: Opponent,
    *,
    groups: NDArray[Any] | None = None,
    warnings: tuple[str, ...] = (),
) -> Verdict:
    """Compares the transfer with its opponent on the test split.

    Args:
        right: Whether the transfer is right about each test item, shape ``(N,)``.
        opponent: The strongest model without the pretraining, chosen by validation alone.
        groups: Group of each item, shape ``(N,)``; ``None`` where items are independent.
        warnings: What is known to weaken the comparison, such as contamination.

    Returns:
        The verdict.

    Raises:
        UsageError: Both were not judged on the same items.
    """
    return verdict_on(compared(right, opponent.right, groups=groups), opponent.name, groups=groups, warnings=warnings)


def compared(
    right: NDArray[np.bool_], opponent_right: NDArray[np.bool_], *, groups: NDArray[Any] | None, metric: str = ""
) -> Comparison:
    """The shares of items that two models are right about, side by side.

    Args:
        right: Whether the transfer is right about each test item, shape ``(N,)``.
        opponent_right: The same for its opponent.
        groups: Group of each item, shape ``(N,)``; ``None`` where items are independent.
        metric: What the share is called, where that is not accuracy.

    Raises:
        UsageError: Both were not judged on the same items.
    """
    difference = paired_difference(right, opponent_right, groups=groups)
    differences = right.astype(np.int64) - opponent_right
    size = len(right) if groups is None else effective_size(differences, groups)
    return Comparison(
        value=float(right.mean()),
        opponent_value=float(opponent_right.mean()),
        difference=difference,
        smallest_detectable=smallest_detectable_difference(size, discordance(right, opponent_right)),
        items=len(right),
        metric=metric,
    )


def verdict_on(
    comparison: Comparison, against: str, *, groups: NDArray[Any] | None = None, warnings: tuple[str, ...] = ()
) -> Verdict:
    """The verdict that a comparison leads to, in any metric that is a share.

    Args:
        comparison: Of the transfer with its opponent.
        against: Name of the opponent.
        groups: Group of each test item, shape ``(N,)``.
        warnings: What is known to weaken the comparison.
    """
    difference = comparison.difference
    outcome = _outcome(difference)
    return Verdict(
        outcome=outcome,
        against=against,
        difference=difference.value,
        low=difference.low,
        high=difference.high,
        smallest_detectable=comparison.smallest_detectable,
        sentence=_sentence(outcome, comparison, against) + _limits(outcome, comparison),
        warnings=(*warnings, *_group_warnings(groups)),
    )


def not_judged(reason: str, *, warnings: tuple[str, ...] = ()) -> Verdict:
    """The verdict where there is no opponent.

    Args:
        reason: Why there is none, as the end of a sentence: ``"no model without pretraining converged"``.
        warnings: What else people should know.
    """
    if not reason:
        raise UsageError("Expected `reason` to say why nothing was judged, but got nothing; name what was missing.")
    return Verdict("not judged", None, None, None, None, None, f"Not judged: {reason}.", warnings)


def _outcome(difference: Interval) -> Outcome:
    if difference.low > 0:
        return "helps"
    return "hurts" if difference.high < 0 else "no difference shown"


def _sentence(outcome: Outcome, comparison: Comparison, against: str) -> str:
    opening = {"helps": "Transfer helps", "hurts": "Transfer hurts here"}.get(outcome, "No difference shown")
    difference, metric = comparison.difference, f"{comparison.metric} " if comparison.metric else ""
    return (
        f"{opening}: {metric}{_points(comparison.value)} % against {_points(comparison.opponent_value)} % for the best "
        f"model without it ({against}), {_points(difference.value, signed=True)} points "
        f"({_points(difference.low)} to {_points(difference.high)})"
    )


def _limits(outcome: Outcome, comparison: Comparison) -> str:
    if outcome != "no difference shown":
        return "."
    if comparison.smallest_detectable >= 1:
        return f"; this test split of {comparison.items} items is too small to show any difference."
    return (
        f"; this test split of {comparison.items} items could have shown a difference of about "
        f"{_rounded_points(comparison.smallest_detectable)} points or more."
    )


def _points(share: float, *, signed: bool = False) -> str:
    points = round(100 * share, 1) + 0.0  # adding zero turns -0.0 into 0.0
    return f"{points:+.1f}" if signed else f"{points:.1f}"


def _rounded_points(share: float) -> str:
    points = 100 * share
    return f"{points:.0f}" if points >= 3 else f"{points:.1f}"


def _group_warnings(groups: NDArray[Any] | None) -> tuple[str, ...]:
    if groups is None or (count := len(np.unique(groups))) >= FEW_GROUPS:
        return ()
    noun = "group" if count == 1 else "groups"
    return (f"The test split has only {count} {noun}: what holds for them may not hold for the next one.",)
