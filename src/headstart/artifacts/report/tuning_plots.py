"""The plots of what tuning did: the plan in time, a learning curve, and what changed in which stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from headstart.artifacts.report import markup as h
from headstart.artifacts.report.axes import Axis, dot, drawing, label, levels, segment
from headstart.artifacts.report.tuning_record import DecisionRecord, LearningCurve, StageChangeRecord
from headstart.artifacts.report.wording import UNDEFINED, duration, percent, percent_tick

_STAGE_ROW = 26  # pixels per stage
_BOUNDARY_GAP = 18
_STAGE_LETTERS = 18

#: Units of a time axis: the longest time that it is for, its seconds, its name.
_UNITS = ((180.0, 1.0, "s"), (3 * 3600.0, 60.0, "min"), (float("inf"), 3600.0, "h"))


@dataclass(frozen=True, slots=True)
class _Reached:
    """A step of the plan that was measured: when it ended, and its validation accuracy."""

    number: int
    name: str
    seconds: float
    accuracy: float


def plan_plot(decision: DecisionRecord, *, probe: float) -> Markup | None:
    """Validation accuracy of the probe and of each step against the time spent; a staircase joins the best so far.

    Args:
        decision: The plan and what it came to.
        probe: Validation accuracy of the probe, in [0, 1].
    """
    reached = _reached(decision)
    if not reached:
        return None
    vertical = Axis.of_shares([probe, *(step.accuracy for step in reached)])
    horizontal = Axis(0.0, 1.04 * _shown_seconds(decision))
    top, bottom = 36, 256

    def spot(seconds: float, accuracy: float) -> tuple[str, float]:
        return horizontal.place(seconds), vertical.height(accuracy, top=top, bottom=bottom)

    start, kept = spot(0.0, probe), decision.chosen_step is None
    stairs = [spot(*corner) for corner in _best_so_far(reached, probe=probe, end=decision.spent[-1])]
    marks = [
        *levels(vertical, top=top, bottom=bottom, write=percent_tick),
        segment(("0%", bottom), ("100%", bottom), kind="zero"),
        *_time_ticks(horizontal, y=bottom + 18),
        *_budget_line(decision, horizontal, top=top, bottom=bottom),
        *(segment(before, after, kind="course") for before, after in pairwise(stairs)),
        dot(*start, radius=8 if kept else 6, kind="ring chosen" if kept else "ring", title=f"probe: {percent(probe)}"),
        label("probe", "0%", start[1] - 15, anchor="start", kind="mark chosen" if kept else "mark"),
    ]
    for step in reached:
        marks += _step_mark(step, *spot(step.seconds, step.accuracy), chosen=step.name == decision.chosen)
    marks.append(label("time spent on tuning", "50%", bottom + 40))
    spoken = "; ".join(f"{step.name}: {percent(step.accuracy)}" for step in reached)
    said = f"Validation accuracy against time spent. probe: {percent(probe)}; {spoken}"
    return drawing(said, *marks, height=bottom + 48, kind="plan")


def learning_curve_plot(curve: LearningCurve) -> Markup | None:
    """Training loss (thin) and validation loss (strong) of each epoch; a disc marks the epoch that was kept."""
    training = [epoch.train_loss for epoch in curve.epochs]
    validation = [epoch.validation_loss for epoch in curve.epochs]
    if not any(loss is not None for loss in [*training, *validation]):
        return None
    vertical, horizontal = Axis.around([*training, *validation], margin=0.08), Axis(0.5, len(curve.epochs) + 0.5)
    top, bottom = 8, 128

    def spot(epoch: int, loss: float) -> tuple[str, float]:
        return horizontal.place(epoch), vertical.height(loss, top=top, bottom=bottom)

    courses = {
        kind: [None if loss is None else spot(epoch, loss) for epoch, loss in enumerate(losses, 1)]
        for kind, losses in (("training", training), ("validation", validation))
    }
    kept = courses["validation"][curve.kept - 1] if curve.kept else None
    said = f"epoch {curve.kept} was kept"
    marks = [
        *levels(vertical, top=top, bottom=bottom, write=lambda tick: f"{tick:g}", most=4),
        segment(("0%", bottom), ("100%", bottom), kind="zero"),
        *(label(f"{epoch}", horizontal.place(epoch), bottom + 17) for epoch in _epoch_ticks(len(curve.epochs))),
        *(mark for kind, spots in courses.items() for mark in _course(spots, kind=kind)),
        *(
            [segment(kept, (kept[0], bottom), kind="kept"), dot(*kept, radius=5, kind="point", title=said)]
            if kept
            else []
        ),
    ]
    return drawing(f"Learning curve of {curve.name}: loss per epoch", *marks, height=bottom + 24, kind="learning")


def stage_changes_plot(changes: Sequence[StageChangeRecord]) -> Markup | None:
    """A row per stage, input to output: how far its weights went (bar), and how alike its output stayed (disc)."""
    if not changes:
        return None
    farthest = max((change.weight_distance or 0.0 for change in changes), default=0.0)
    similarities = [change.cka for change in changes if change.cka is not None]
    lowest = 0.5 if min(similarities, default=1.0) >= 0.5 else 0.0
    distance = _panel(0.0, farthest or 1.0, start=0.0, end=0.36)
    similarity = _panel(lowest, 1.0, start=0.6, end=0.98)
    cut = next((index for index, change in enumerate(changes) if change.trained), 0)
    top, gap = 26, _BOUNDARY_GAP if cut else 0
    bottom = top + _STAGE_ROW * len(changes) + gap
    marks = [
        label("weights moved by", "0%", 10, anchor="start"),
        label("CKA of the output", "100%", 10, anchor="end"),
        segment(("0%", top), ("0%", bottom), kind="zero"),
    ]
    for tick in (lowest, (lowest + 1) / 2, 1.0):
        place = similarity.place(tick)
        marks += [segment((place, top), (place, bottom), kind="grid"), label(f"{tick:g}", place, bottom + 17)]
    if cut:
        marks += _boundary(top + _STAGE_ROW * cut + gap / 2)
    for index, change in enumerate(changes):
        y = top + _STAGE_ROW * (index + 0.5) + (gap if index >= cut else 0)
        row = [_stage_name(change.name, y), *_moved(change, distance, y), *_alike(change, similarity, y)]
        marks.append(h.g(row, class_="frozen" if change.frozen else "trained"))
    spoken = (f"{change.name}: {_distance_words(change)}, CKA {_decimal(change.cka)}" for change in changes)
    return drawing(f"What changed per stage. {'; '.join(spoken)}", *marks, height=bottom + 24, kind="stages")


def _reached(decision: DecisionRecord) -> list[_Reached]:
    """The steps that were measured, numbered as in the plan."""
    return [
        _Reached(number, step.name, seconds, step.validation_accuracy)
        for number, (step, seconds) in enumerate(zip(decision.steps, decision.spent, strict=True), 1)
        if step.validation_accuracy is not None
    ]


def _step_mark(step: _Reached, x: str, y: float, *, chosen: bool) -> list[Markup]:
    """A step as a disc below its number; larger where its model was chosen."""
    said = f"{step.name}: {percent(step.accuracy)}"
    return [
        dot(x, y, radius=8 if chosen else 6, kind="point chosen" if chosen else "point", title=said),
        label(f"{step.number}", x, y - 13, kind="mark chosen" if chosen else "mark"),
    ]


def _best_so_far(reached: Sequence[_Reached], *, probe: float, end: float) -> list[tuple[float, float]]:
    """The corners of the staircase that the best accuracy so far climbs."""
    corners = [(0.0, probe)]
    for step in reached:
        best = corners[-1][1]
        if step.accuracy > best:
            corners += [(step.seconds, best), (step.seconds, step.accuracy)]
    return [*corners, (end, corners[-1][1])]


def _shown_seconds(decision: DecisionRecord) -> float:
    """The end of the time axis: what was spent, and the budget where it is not far beyond that."""
    spent, budget = decision.spent[-1], decision.budget_seconds or 0.0
    return (max(spent, budget) if budget <= 1.6 * spent else spent) or 1.0


def _time_ticks(axis: Axis, *, y: float) -> list[Markup]:
    """Labels of a time axis in its own unit."""
    _, seconds, unit = next(entry for entry in _UNITS if axis.high <= entry[0])
    ticks = Axis(0.0, axis.high / seconds).ticks(5)
    return [label(f"{tick:g} {unit}", axis.place(tick * seconds), y) for tick in ticks]


def _budget_line(decision: DecisionRecord, axis: Axis, *, top: float, bottom: float) -> list[Markup]:
    """Where the budget ends, if the axis reaches as far."""
    budget = decision.budget_seconds
    if budget is None or budget > axis.high:
        return []
    place = axis.place(budget)
    said = label(f"budget {duration(budget)}", place, top - 22, anchor="end" if axis.share(budget) > 0.5 else "start")
    return [segment((place, top - 16), (place, bottom), kind="budget"), said]


def _epoch_ticks(epochs: int) -> list[int]:
    """Up to five epochs to write on an axis."""
    ticks = Axis(0.5, epochs + 0.5).ticks(min(5, epochs))
    return [int(tick) for tick in ticks if tick >= 1 and tick.is_integer()]


def _course(spots: Sequence[tuple[str, float] | None], *, kind: str) -> list[Markup]:
    """Lines from spot to spot, broken where one is missing; discs where no two follow each other."""
    lines = [segment(start, end, kind=kind) for start, end in pairwise(spots) if start and end]
    return lines or [dot(*spot, radius=2.5, kind=kind) for spot in spots if spot]


def _panel(low: float, high: float, *, start: float, end: float) -> Axis:
    """The axis on which [low, high] fills a drawing from the share ``start`` of its width to ``end``."""
    span = (high - low) / (end - start)
    return Axis(low - start * span, high + (1 - end) * span)


def _boundary(y: float) -> list[Markup]:
    """The line between the frozen stages and those that trained."""
    return [
        segment(("0%", y), ("100%", y), kind="boundary"),
        label("boundary", -10, y + 4, anchor="end", kind="mark"),
    ]


def _stage_name(name: str, y: float) -> Markup:
    """A stage's name to the left of its row, a long one by its end."""
    shown = name if len(name) <= _STAGE_LETTERS else f"…{name[1 - _STAGE_LETTERS :]}"
    return label(shown, -10, y + 4, anchor="end", kind="stage")


def _moved(change: StageChangeRecord, axis: Axis, y: float) -> list[Markup]:
    """How far a stage's weights went, as a bar; hatched where they were frozen."""
    words = label(_distance_words(change), axis.place(change.weight_distance or 0.0), y + 4, anchor="start")
    if change.frozen:
        hatched = segment(("0%", y), ("48%", y), kind="hatched")
        return [hatched, h.g(words, transform="translate(8 0)", class_="words")]
    bar = segment(("0%", y), (axis.place(change.weight_distance or 0.0), y), kind="distance")
    return [bar, h.g(words, transform="translate(8 0)")]


def _alike(change: StageChangeRecord, axis: Axis, y: float) -> list[Markup]:
    """How alike a stage's output stayed, as a disc."""
    if change.cka is None:
        return []
    place = axis.place(change.cka)
    written = label(_decimal(change.cka), place, y + 4, anchor="end")
    return [
        segment((place, y), (axis.place(1.0), y), kind="lost"),
        dot(place, y, radius=5, kind="point", title=f"{change.name}: CKA {_decimal(change.cka)}"),
        h.g(written, transform="translate(-10 0)"),
    ]


def _distance_words(change: StageChangeRecord) -> str:
    """A stage's weight distance in words."""
    if change.weight_distance is None:
        return "no weights"
    return "0, frozen" if change.frozen else percent(change.weight_distance)


def _decimal(share: float | None) -> str:
    """A share with two decimals."""
    return UNDEFINED if share is None else f"{share:.2f}"
