"""The part of ``headstart check`` that says whether transfer is appropriate, as plain lines."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from headstart.evaluation.suitability import FAR, NEAR, nearness

if TYPE_CHECKING:
    from headstart.evaluation.intervals import Interval
    from headstart.evaluation.stage_curve import StageCurve
    from headstart.evaluation.suitability import Advice
    from headstart.workflows.suitability import Suitability

_BAR = 20
_WIDTH = 100
_STAGES_SHOWN = 24
_CLASSES_SHOWN = 5
#: What of ``headstart fit`` does what is advised.
_OPTIONS = {
    "probe": "--strategy probe",
    "partial": "--strategy partial",
    "full": "--strategy finetune",
    "scratch": "--strategy scratch",
}


def suitability_lines(found: Suitability) -> list[str]:
    """What was measured, as facts and bars, and what follows from it."""
    return [
        "Is transfer appropriate?",
        f"  Backbone     {found.backbone}, pretrained on {found.pretraining}",
        f"  Labels       {_labels(found)}",
        f"  Distance     {_distance(found)}",
        f"  Coverage     {_coverage(found)}",
        *_curve(found.curve),
        *(line for entry in found.advice for line in _advice(entry)),
    ]


def bar(share: float, *, width: int = _BAR) -> str:
    """A share of one as a bar, in eighths of a character.

    Example:
        >>> bar(0.5, width=4), bar(0.28125, width=4)
        ('██  ', '█▏  ')
    """
    whole, eighths = divmod(round(share * width * 8), 8)
    return ("█" * whole + " ▏▎▍▌▋▊▉"[eighths].strip()).ljust(width)


def _labels(found: Suitability) -> str:
    counts = sorted(found.per_class.values())
    each = str(counts[0]) if counts[0] == counts[-1] else f"{counts[0]} to {counts[-1]}"
    some = f", of {found.sampled_classes} classes," if found.sampled_classes < len(counts) else ""
    return f"{sum(counts):,} training items, {each} per class; {found.sampled:,} of them{some} were looked at"


def _distance(found: Suitability) -> str:
    if found.shift is None:
        return "not known: this backbone keeps no batch-norm statistics"
    return (
        f"{found.shift:.2f} standard deviations from the pretraining data: {nearness(found.shift)} "
        f"(near < {NEAR}, far ≥ {FAR})"
    )


def _coverage(found: Suitability) -> str:
    if found.covered is None:
        return "the pretraining knew no classes of such items"
    verb = "is" if len(found.covered) == 1 else "are"
    count = f"{len(found.covered)} of {len(found.per_class)} classes {verb} among the pretraining classes"
    if not found.covered:
        return count
    names = list(found.covered)
    more = f" and {len(names) - _CLASSES_SHOWN} more" if len(names) > _CLASSES_SHOWN else ""
    return f"{count} ({', '.join(names[:_CLASSES_SHOWN])}{more}): it has seen such labels"


def _curve(curve: StageCurve) -> list[str]:
    """Accuracy by stage; of many stages some, evenly spaced, with the best and the top."""
    names = [entry.stage for entry in curve.stages]
    step = -(-len(names) // _STAGES_SHOWN)
    shown = [
        entry for place, entry in enumerate(curve.stages)
        if place % step == 0 or entry.stage in (curve.best, curve.sufficient, names[-1])
    ]  # fmt: skip
    width = max(len(name) for name in (*names, curve.plain_name))
    rows = [
        f"  {entry.stage:<{width}}  {bar(entry.pretrained.value)} {_accuracy(entry.pretrained)}"
        f"   {bar(entry.random.value)} {_accuracy(entry.random)}"
        for entry in shown
    ]
    plain = f"  {curve.plain_name:<{width}}  {' ' * (_BAR + 13)}   {bar(curve.plain.value)} {_accuracy(curve.plain)}"
    heading = f"  {'':<{width}}  {'pretrained':<{_BAR + 13}}   without pretraining"
    return ["  Accuracy of a linear probe on unseen items, by stage", heading, *rows, plain]


def _accuracy(measured: Interval) -> str:
    return f"{measured.value:6.1%} ± {50 * (measured.high - measured.low):4.1f}"


def _advice(entry: Advice) -> list[str]:
    """A piece of advice with the option of ``headstart fit`` that follows it, on as many lines as it takes."""
    option = _OPTIONS.get(entry.do)
    name = entry.do + (f" from {entry.stage}" if entry.stage else "")
    follow = f" (fit {option}{f' --boundary {entry.stage}' if entry.stage else ''})" if option else ""
    start = f"  Advice       {name}{follow}: "
    return textwrap.wrap(
        start + " ".join(entry.because),
        _WIDTH,
        subsequent_indent=" " * 15,
        break_long_words=False,
        break_on_hyphens=False,
    )
