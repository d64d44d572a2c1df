"""Is transfer appropriate here? Rules from what was measured to what to do; their sources are in docs/suitability.md.

The rules are few, in a fixed order, and every sentence names the figure that it rests on. They give advice before a
training; whether the pretraining helped is for the verdict of a fit to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from headstart.evaluation.intervals import Interval
from headstart.evaluation.stage_curve import StageCurve

Action = Literal["probe", "partial", "full", "scratch", "label more"]

#: With fewer labels of a class, a fold may hold none of it.
FEW_PER_CLASS = 5
#: Half the width of an interval of accuracies from which on it says too little.
WIDE = 0.1
#: From so many labelled training items on, training more than a head pays; VTAB-1k's number of labels.
ENOUGH_TO_TUNE = 1000
#: From so many on, a network from random weights may catch up (He, Girshick & Dollár 2019).
MANY = 10_000
#: A gain below this may be closed by training from random weights: so it was on three of three data sets.
SMALL_GAIN = 0.1
#: Where the frozen features tell so many right, training more can hardly pay.
NEARLY_ALL = 0.98
#: Standard deviations; see :mod:`headstart.backbones.domain_shift`.
NEAR, FAR = 0.3, 0.5


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known beside the curve.

    Attributes:
        per_class: Labelled training items of each class.
        sampled: How many of them the curve was measured on.
        shift: How far the data lie from the pretraining's, in standard deviations; ``None`` where not known.
        boundaries: Stages that may be the lowest that trains, input to output.
    """

    per_class: Mapping[str, int]
    sampled: int
    shift: float | None
    boundaries: tuple[str, ...]

    @property
    def labelled(self) -> int:
        """All labelled training items."""
        return sum(self.per_class.values())


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to do.

    Attributes:
        do: ``"probe"``: a head on frozen features. ``"partial"``: train a stage and all above it. ``"full"``: train all
            stages from the pretrained weights. ``"scratch"``: train from random weights. ``"label more"``: before or
            beside anything else.
        stage: The lowest stage that trains, with ``"partial"``.
        because: Sentences, each with what it rests on.
    """

    do: Action
    stage: str | None
    because: tuple[str, ...]


def advise(curve: StageCurve, facts: Facts) -> tuple[Advice, ...]:
    """What to do, the most important first.

    Args:
        curve: Accuracy by stage.
        facts: What else is known.

    Returns:
        One piece of advice or more; labels come first where there are too few to say anything else surely.
    """
    way, too_few, rising = _way(curve, facts), _too_few(curve, facts), _still_rising(curve, facts)
    if way.do == "label more":
        return (replace(way, because=(*too_few, *way.because)),)
    if too_few:
        return (Advice("label more", None, too_few), way)
    found = [way]
    if rising:
        found.append(Advice("label more", None, rising))
    if way.do != "scratch" and (doubts := _scratch_may_do(curve, facts)):
        found.append(Advice("scratch", None, doubts))
    return tuple(found)


def nearness(shift: float) -> str:
    """A distance from the pretraining data in words.

    Example:
        >>> nearness(0.1), nearness(0.4), nearness(0.6)
        ('near', 'at some distance', 'far')
    """
    return "near" if shift < NEAR else "at some distance" if shift < FAR else "far"


def _way(curve: StageCurve, facts: Facts) -> Advice:
    """How far down to train, if at all."""
    gain = _gain(curve)
    if not _shown(curve.gain):
        return _without_gain(curve, facts, gain)
    if curve.accuracy.value >= NEARLY_ALL:
        return Advice("probe", None, (gain, "That is nearly all: training more than a head has little left to win."))
    if _shown(curve.beyond):
        best = f"{curve.best} is better than the top by {_points(curve.beyond)}: what stands above it adds nothing."
        return _train_from(curve.sufficient, facts, (gain, best))
    if facts.labelled < ENOUGH_TO_TUNE:
        few = f"{facts.labelled:,} labelled training items are few to train more than a head on ({ENOUGH_TO_TUNE:,})."
        return Advice("probe", None, (gain, few))
    enough = f"{facts.labelled:,} labelled training items are enough to train more than a head."
    if _far(facts):
        far = f"The data are far from those of the pretraining ({facts.shift:.2f} standard deviations): low stages too"
        return Advice("full", None, (gain, enough, f"{far} have something to learn."))
    return _train_from(curve.sufficient, facts, (gain, enough, _no_later(curve)))


def _without_gain(curve: StageCurve, facts: Facts, gain: str) -> Advice:
    """No features of the backbone are shown to be better than what is there without the pretraining."""
    if curve.gain.high < 0:
        return Advice("scratch", None, (gain, "The pretrained features are worse."))
    if curve.accuracy.value >= NEARLY_ALL:
        return Advice("scratch", None, (gain, "Both tell nearly all right: this needs no pretraining."))
    if facts.labelled >= ENOUGH_TO_TUNE:
        enough = f"{facts.labelled:,} labelled training items are enough to try a network from random weights."
        return Advice("scratch", None, (gain, enough))
    return Advice("label more", None, (gain, f"{facts.labelled:,} labelled training items cannot show more."))


def _train_from(stage: str, facts: Facts, because: tuple[str, ...]) -> Advice:
    if stage in facts.boundaries:
        return Advice("partial", stage, because)
    return Advice("full", None, (*because, f"No boundary lies below {stage}."))


def _too_few(curve: StageCurve, facts: Facts) -> tuple[str, ...]:
    """Why nothing else is sure yet."""
    scarce = [name for name, count in facts.per_class.items() if count < FEW_PER_CLASS]
    found = []
    if scarce:
        named = ", ".join(scarce[:5]) + (f" and {len(scarce) - 5} more" if len(scarce) > 5 else "")
        found.append(f"Fewer than {FEW_PER_CLASS} labelled training items of {named}.")
    if curve.accuracy.high - curve.accuracy.low > 2 * WIDE:
        ends = f"{curve.accuracy.low:.1%} to {curve.accuracy.high:.1%}"
        found.append(f"The accuracy on unseen items is known no better than {ends}.")
    return tuple(found)


def _gain(curve: StageCurve) -> str:
    without = curve.accuracy.value - curve.gain.value
    return (
        f"Of unseen items the features at {curve.best} tell {curve.accuracy.value:.1%} right, {curve.opponent} "
        f"{without:.1%}: {_points(curve.gain)}."
    )


def _no_later(curve: StageCurve) -> str:
    return f"{curve.sufficient} is the first stage whose features are not shown to be worse than those of any other."


def _scratch_may_do(curve: StageCurve, facts: Facts) -> tuple[str, ...]:
    """Why a network from random weights should be compared with; frozen features cannot show what it would reach."""
    if facts.labelled >= MANY:
        return (f"With {facts.labelled:,} labels a network from random weights may catch up: compare.",)
    if curve.gain.value < SMALL_GAIN:
        return ("The gain over features that nobody trained is small; training from random weights may close it.",)
    return ()


def _far(facts: Facts) -> bool:
    return facts.shift is not None and facts.shift >= FAR


def _still_rising(curve: StageCurve, facts: Facts) -> tuple[str, ...]:
    """Whether the last doubling of labels helped, as far as that can be said of all labels from the sample."""
    if curve.doubling is None or not _shown(curve.doubling) or 2 * facts.sampled < facts.labelled:
        return ()
    return (f"The last doubling of labels brought {_points(curve.doubling)} on unseen items; the next may bring more.",)


def _shown(difference: Interval) -> bool:
    return difference.low > 0


def _points(difference: Interval) -> str:
    low, value, high = (f"{100 * share:+.1f}" for share in (difference.low, difference.value, difference.high))
    return f"{value} points ({low} to {high})"
