"""The marks of the tuning plots stand where their values belong."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from headstart.artifacts.report.record import read_run
from headstart.artifacts.report.tuning_plots import learning_curve_plot, plan_plot, stage_changes_plot
from headstart.artifacts.report.tuning_record import EpochRecord, LearningCurve, StageChangeRecord

RUN = read_run(Path(__file__).parent / "example_runs" / "house_numbers")
DECISION = RUN.metrics.decision
PROBE = 0.735


def marks(drawing: object, tag: str, kind: str) -> list[ET.Element]:
    return [found for found in ET.fromstring(str(drawing)).iter(tag) if kind in found.get("class", "").split()]


def share(element: ET.Element, key: str) -> float:
    return float(element.get(key, "").removesuffix("%")) / 100


def test_steps_stand_at_the_time_when_they_ended_and_higher_where_they_are_better() -> None:
    dots = marks(plan_plot(DECISION, probe=PROBE), "circle", "point")
    measured = [
        (seconds, step.validation_accuracy)
        for step, seconds in zip(DECISION.steps, DECISION.spent, strict=True)
        if step.validation_accuracy is not None
    ]
    assert len(dots) == len(measured) == 6
    places = np.array([[share(dot, "cx"), float(dot.get("cy"))] for dot in dots])
    for axis, values in zip(places.T, np.array(measured).T, strict=True):
        assert abs(np.corrcoef(axis, values)[0, 1]) == pytest.approx(1, abs=1e-5)
    assert places[0, 0] / places[1, 0] == pytest.approx(measured[0][0] / measured[1][0], abs=1e-3)


def test_the_probe_is_a_ring_at_time_zero_and_only_the_chosen_mark_is_large() -> None:
    drawing = plan_plot(DECISION, probe=PROBE)
    (ring,), (chosen,) = marks(drawing, "circle", "ring"), marks(drawing, "circle", "chosen")
    assert share(ring, "cx") == 0 and "blocks.3 at 0.001: 78.5 %" in "".join(chosen.itertext())
    kept = plan_plot(replace(DECISION, chosen="linear probe"), probe=PROBE)
    (ring,) = marks(kept, "circle", "chosen")
    assert "ring" in ring.get("class", "")


def test_the_line_of_the_best_so_far_only_climbs_and_only_through_better_steps() -> None:
    lines = marks(plan_plot(DECISION, probe=PROBE), "line", "course")
    assert all(float(line.get("y2")) <= float(line.get("y1")) for line in lines)
    assert all((a.get("x2"), a.get("y2")) == (b.get("x1"), b.get("y1")) for a, b in pairwise(lines))
    assert sum(line.get("x1") == line.get("x2") for line in lines) == 3
    flat = marks(plan_plot(DECISION, probe=0.99), "line", "course")
    assert len(flat) == 1 and flat[0].get("y1") == flat[0].get("y2")


@pytest.mark.parametrize(("budget", "drawn"), [(None, 0), (120.0, 1), (60.0, 1), (3600.0, 0)])
def test_the_budget_is_drawn_where_it_is_near(budget: float | None, drawn: int) -> None:
    plot = plan_plot(replace(DECISION, budget_seconds=budget), probe=PROBE)
    assert len(marks(plot, "line", "budget")) == drawn


def test_time_is_written_in_a_unit_that_suits_it() -> None:
    for factor, unit in ((1, "s"), (20, "min"), (400, "h")):
        steps = tuple(replace(step, seconds=step.seconds and factor * step.seconds) for step in DECISION.steps)
        words = [
            "".join(text.itertext())
            for text in marks(plan_plot(replace(DECISION, steps=steps), probe=PROBE), "text", "tick")
        ]
        assert any(word.endswith(f" {unit}") for word in words) and not any("e+" in word for word in words)


def test_a_plan_of_which_nothing_was_measured_gives_no_plot() -> None:
    assert plan_plot(replace(DECISION, steps=DECISION.steps[-1:]), probe=PROBE) is None
    assert plan_plot(replace(DECISION, steps=()), probe=PROBE) is None


def curve(losses: list[tuple[float | None, float | None]], *, kept: int | None) -> LearningCurve:
    return LearningCurve("a", kept, tuple(EpochRecord(*pair, seconds=1.0) for pair in losses))


def test_losses_share_one_scale_and_the_kept_epoch_is_marked_on_the_validation_line() -> None:
    drawing = learning_curve_plot(curve([(1.0, 1.2), (0.6, 0.9), (0.2, 1.0)], kept=2))
    training, validation = (marks(drawing, "line", kind) for kind in ("training", "validation"))
    (point,) = marks(drawing, "circle", "point")
    assert (point.get("cx"), point.get("cy")) == (validation[0].get("x2"), validation[0].get("y2"))
    heights = [float(line.get(end)) for line in (*training, *validation) for end in ("y1", "y2")]
    values = [1.0, 0.6, 0.6, 0.2, 1.2, 0.9, 0.9, 1.0]
    assert np.corrcoef(heights, values)[0, 1] == pytest.approx(-1, abs=1e-5)
    assert share(training[0], "x2") - share(training[0], "x1") == pytest.approx(1 / 3, abs=1e-3)


def test_a_loss_that_was_not_finite_breaks_the_line() -> None:
    drawing = learning_curve_plot(curve([(1.0, 1.2), (0.8, 1.1), (None, None), (0.2, 1.0)], kept=None))
    assert len(marks(drawing, "line", "training")) == len(marks(drawing, "line", "validation")) == 1
    assert not marks(drawing, "circle", "point")
    assert learning_curve_plot(curve([(None, None)], kept=None)) is None
    assert learning_curve_plot(curve([], kept=None)) is None


def test_one_epoch_is_two_dots() -> None:
    drawing = learning_curve_plot(curve([(1.0, 1.2)], kept=1))
    assert len(marks(drawing, "circle", "training")) == len(marks(drawing, "circle", "validation")) == 1


@pytest.mark.parametrize("epochs", [1, 2, 3, 7, 10, 26, 500])
def test_epochs_are_written_as_whole_numbers_on_the_axis(epochs: int) -> None:
    drawing = learning_curve_plot(curve([(epoch, epoch) for epoch in range(epochs)], kept=None))
    words = [text.text for text in marks(drawing, "text", "tick") if "%" in text.get("x", "")]
    assert words and all(1 <= int(word) <= epochs for word in words)


def test_bars_are_as_long_as_the_distance_and_discs_stand_at_their_cka() -> None:
    changes = RUN.evidence.stage_changes
    drawing = stage_changes_plot(changes)
    trained = [change for change in changes if change.trained]
    lengths = [share(bar, "x2") for bar in marks(drawing, "line", "distance")]
    assert np.divide(lengths, [change.weight_distance for change in trained]).std() < 1e-3
    discs = marks(drawing, "circle", "point")
    places = [share(disc, "cx") for disc in discs]
    assert np.corrcoef(places, [change.cka for change in changes])[0, 1] == pytest.approx(1, abs=1e-6)
    heights = [float(disc.get("cy")) for disc in discs]
    assert heights == sorted(heights) and np.ptp(np.delete(np.diff(heights), 3)) == 0


def test_frozen_stages_are_hatched_and_called_frozen_above_one_boundary() -> None:
    drawing = stage_changes_plot(RUN.evidence.stage_changes)
    assert len(marks(drawing, "line", "hatched")) == len(marks(drawing, "g", "frozen")) == 4
    assert "".join("".join(group.itertext()) for group in marks(drawing, "g", "words")) == 4 * "0, frozen"
    (boundary,) = marks(drawing, "line", "boundary")
    discs = [float(disc.get("cy")) for disc in marks(drawing, "circle", "point")]
    assert discs[3] < float(boundary.get("y1")) < discs[4]


def test_a_stage_that_moved_below_the_boundary_is_not_called_frozen() -> None:
    drawing = stage_changes_plot([StageChangeRecord("a", False, 0.2, 0.9), StageChangeRecord("b", True, 0.4, 0.8)])
    assert not marks(drawing, "line", "hatched") and len(marks(drawing, "line", "distance")) == 2


def test_what_is_unknown_or_without_weights_is_said_and_nothing_gives_no_plot() -> None:
    drawing = stage_changes_plot([StageChangeRecord("pool", True, None, None)])
    assert not marks(drawing, "circle", "point") and not marks(drawing, "line", "boundary")
    assert "no weights" in str(drawing)
    assert stage_changes_plot([]) is None


def test_long_names_are_cut_and_nothing_of_them_is_markup() -> None:
    name = "<script>alert(1)</script>" * 3
    drawing = str(stage_changes_plot([StageChangeRecord(name, True, 0.1, 0.9)]))
    assert "<script" not in drawing and json.dumps(name)[1:-1] not in drawing
    (shown,) = marks(drawing, "text", "stage")
    assert shown.text == "…" + name[-17:]
