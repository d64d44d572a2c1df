"""The plots of the report: each a pure function from records to one SVG drawing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from markupsafe import Markup

from headstart.artifacts.report import markup as h
from headstart.artifacts.report.axes import Axis, dot, drawing, label, levels, scale, segment
from headstart.artifacts.report.record import (
    CandidateRecord,
    Estimate,
    LabelPoint,
    ReliabilityBin,
    VerdictRecord,
)
from headstart.artifacts.report.wording import accuracy, counted, interval, percent, percent_tick, points

_ROW = 48  # pixels per candidate


def difference_plot(verdict: VerdictRecord) -> Markup | None:
    """The paired difference with its 95 % interval, the zero line, and the band that stays hidden."""
    difference, low, high = verdict.difference, verdict.low, verdict.high
    if difference is None or low is None or high is None:
        return None
    smallest = verdict.shown_difference or 0.0
    axis = Axis.around([0.0, low, high, -smallest, smallest])
    zero, start, end = axis.place(0), axis.place(low), axis.place(high)
    marks = [
        _band(axis, -smallest, smallest, top=24, bottom=84),
        *scale(
            axis,
            top=24,
            bottom=84,
            write=lambda tick: f"{100 * tick:+g}".replace("+0", "0"),
        ),
        segment((zero, 18), (zero, 84), kind="zero"),
        label("no difference", zero, 10),
        segment((start, 54), (end, 54), kind="interval strong"),
        *(segment((place, 46), (place, 62), kind="interval") for place in (start, end)),
        dot(axis.place(difference), 54, radius=8, kind="point"),
        label("← worse", "0%", 124, anchor="start"),
        label("points on the test split", "50%", 124),
        label("better →", "100%", 124, anchor="end"),
    ]
    title = f"Paired difference on the test split: {points(difference)} {interval(low, high)}"
    return drawing(title, *marks, height=132, kind="difference")


def candidates_plot(candidates: Sequence[CandidateRecord], *, opponent: str | None) -> Markup | None:
    """Accuracy of every measured candidate on validation (ring) and test (disc), with 95 % intervals."""
    measured = [entry for entry in candidates if _estimates(entry)]
    if not measured:
        return None
    axis = Axis.of_shares(_ends([value for entry in measured for value in _estimates(entry)]))
    bottom = _ROW * len(measured) + 6
    marks = scale(axis, top=0, bottom=bottom, write=percent_tick)
    for index, entry in enumerate(measured):
        marks.append(_candidate_row(entry, axis, top=_ROW * index, opponent=opponent))
    spoken = (f"{entry.name}: {accuracy(entry.leading('test'))} on test" for entry in measured)
    return drawing("; ".join(spoken), *marks, height=bottom + 26, kind="candidates")


def reliability_plot(bins: Sequence[ReliabilityBin], *, item_word: str = "item") -> Markup | None:
    """Observed accuracy against confidence, a disc per bin with its area by count; the diagonal is right."""
    filled = [entry for entry in bins if entry.count]
    if not filled:
        return None
    side, left, top = 260.0, 58.0, 14.0
    bottom, right = top + side, left + side
    marks = [h.rect(x=left, y=top, width=side, height=side, class_="frame")]
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = left + side * share, bottom - side * share
        marks += [segment((x, top), (x, bottom), kind="grid"), segment((left, y), (right, y), kind="grid")]
        marks += [label(percent_tick(share), x, bottom + 18)]
        marks += [label(percent_tick(share), left - 7, y + 4, anchor="end")]
    marks += [segment((left, bottom), (right, top), kind="zero")]
    most = max(entry.count for entry in filled)
    for entry in filled:
        confidence, observed = entry.confidence or 0.0, entry.accuracy or 0.0
        x, y = left + side * confidence, bottom - side * observed
        said = f"{counted(entry.count, item_word)}: confidence {percent(confidence)}, right {percent(observed)}"
        marks += [
            segment((x, y), (x, bottom - side * confidence), kind="gap"),
            dot(x, y, radius=3 + 6 * math.sqrt(entry.count / most), kind="bubble", title=said),
        ]
    upright = f"translate(12 {top + side / 2:.0f}) rotate(-90)"
    marks += [label("confidence", left + side / 2, bottom + 38)]
    marks += [h.text("how often right", transform=upright, text_anchor="middle", class_="tick")]
    heading = h.title("Reliability diagram: how often predictions were right against their confidence")
    box = f"0 0 {right + 24:.0f} {bottom + 46:.0f}"
    return h.svg(heading, *marks, class_="plot square", role="img", viewBox=box)


def label_curve_plot(curve: Sequence[LabelPoint]) -> Markup | None:
    """Accuracy with its 95 % interval against labels per class, on a logarithmic axis."""
    known = [point for point in curve if point.accuracy.value is not None]
    if len(known) < 2:
        return None
    vertical = Axis.of_shares(_ends([point.accuracy for point in known]))
    horizontal = Axis(known[0].per_class / 1.15, known[-1].per_class * 1.15, logarithmic=True)
    top, bottom = 8, 220

    def spot(point: LabelPoint, value: float | None) -> tuple[str, float]:
        return horizontal.place(point.per_class), vertical.height(value or 0.0, top=top, bottom=bottom)

    marks = levels(vertical, top=top, bottom=bottom, write=percent_tick)
    marks.append(segment(("0%", bottom), ("100%", bottom), kind="zero"))
    for before, after in pairwise(known):
        ends = spot(before, before.accuracy.value), spot(after, after.accuracy.value)
        marks.append(segment(*ends, kind="course"))
    for point in known:
        low, value, high = (spot(point, end) for end in _ends([point.accuracy]))
        if point.accuracy.low is not None and point.accuracy.high is not None:
            marks.append(segment(low, high, kind="interval"))
        said = f"{counted(point.per_class, 'label')} per class: {accuracy(point.accuracy)}"
        marks += [
            dot(*value, radius=5, kind="point", title=said),
            label(f"{point.per_class:,}", value[0], bottom + 18),
        ]
    marks.append(label("labels per class", "50%", bottom + 38))
    return drawing("Accuracy against labels per class", *marks, height=bottom + 46, kind="curve")


def _candidate_row(entry: CandidateRecord, axis: Axis, *, top: float, opponent: str | None) -> Markup:
    """A candidate's name above its two measured accuracies."""
    name = f"{entry.name} · opponent" if entry.name == opponent else entry.name
    return h.g(
        label(name, "0%", top + 16, anchor="start", kind="name"),
        _measured(entry, "validation", axis, y=top + 28),
        _measured(entry, "test", axis, y=top + 40),
        class_="muted" if entry.status != "ok" else entry.kind,
    )


def _measured(entry: CandidateRecord, split: Literal["validation", "test"], axis: Axis, *, y: float) -> list[Markup]:
    """One accuracy as a mark with its interval; nothing where it was not measured."""
    value = entry.leading(split)
    if value is None or value.value is None:
        return []
    said = f"{entry.name}, {split}: {accuracy(value)}"
    kind = "ring" if split == "validation" else "point"
    mark = dot(axis.place(value.value), y, radius=5, kind=kind, title=said)
    if value.low is None or value.high is None:
        return [mark]
    ends = (axis.place(value.low), y), (axis.place(value.high), y)
    return [segment(*ends, kind=f"interval {split}"), mark]


def _estimates(entry: CandidateRecord) -> list[Estimate]:
    """The accuracies of a candidate that were measured."""
    values = (entry.leading("validation"), entry.leading("test"))
    return [value for value in values if value is not None and value.value is not None]


def _ends(estimates: Sequence[Estimate]) -> list[float | None]:
    """Low, value and high of every estimate."""
    return [end for entry in estimates for end in (entry.low, entry.value, entry.high)]


def _band(axis: Axis, low: float, high: float, *, top: float, bottom: float) -> Markup:
    """A shaded range of values."""
    width = 100 * (axis.share(high) - axis.share(low))
    return h.rect(x=axis.place(low), y=top, width=f"{width:.2f}%", height=bottom - top, class_="band")
