"""Marks stand where their values belong."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headstart.artifacts.report.axes import Axis
from headstart.artifacts.report.plots import candidates_plot, difference_plot, label_curve_plot, reliability_plot
from headstart.artifacts.report.record import Estimate, LabelPoint, ReliabilityBin, VerdictRecord, read_run

EXAMPLES = Path(__file__).parent / "example_runs"


def marks(drawing: object, tag: str, kind: str) -> list[ET.Element]:
    return [found for found in ET.fromstring(str(drawing)).iter(tag) if kind in found.get("class", "").split()]


def share(element: ET.Element, key: str) -> float:
    return float(element.get(key, "").removesuffix("%")) / 100


@given(low=st.floats(-50, 50), width=st.floats(0.01, 100), most=st.integers(3, 8))
def test_ticks_are_round_evenly_spaced_and_on_the_axis(low: float, width: float, most: int) -> None:
    axis = Axis(low, low + width)
    ticks = axis.ticks(most)
    assert 0 < len(ticks) <= most + 1
    assert all(axis.low - 1e-6 <= tick <= axis.high + 1e-6 for tick in ticks)
    if len(ticks) > 1:
        step = ticks[1] - ticks[0]
        assert np.allclose(np.diff(ticks), step, atol=1e-8)
        assert min(abs(step / 10.0 ** np.floor(np.log10(step * 1.0001)) - factor) for factor in (1, 2, 5)) < 1e-3


def test_equal_ratios_are_equal_distances_on_a_logarithmic_axis() -> None:
    axis = Axis(1, 1000, logarithmic=True)
    assert np.allclose([axis.share(value) for value in (1, 10, 100, 1000)], [0, 1 / 3, 2 / 3, 1])


def test_values_beyond_an_axis_stand_at_its_ends() -> None:
    assert Axis(0, 1).share(-3) == 0 and Axis(0, 1).share(7) == 1


@pytest.mark.parametrize("name", ["ants_bees", "digits", "hedgerow"])
def test_the_difference_keeps_its_place_between_zero_and_its_interval(name: str) -> None:
    verdict = read_run(EXAMPLES / name).metrics.verdict
    drawing = difference_plot(verdict)
    (bar,), (zero,), (dot,), (band,) = (
        marks(drawing, "line", "strong"),
        marks(drawing, "line", "zero"),
        marks(drawing, "circle", "point"),
        marks(drawing, "rect", "band"),
    )
    low, high = share(bar, "x1"), share(bar, "x2")
    scale = (high - low) / (verdict.high - verdict.low)
    assert share(dot, "cx") == pytest.approx(low + scale * (verdict.difference - verdict.low), abs=2e-4)
    assert share(zero, "x1") == pytest.approx(low - scale * verdict.low, abs=2e-4)
    assert share(band, "width") == pytest.approx(2 * scale * verdict.smallest_detectable, abs=4e-4)


def test_no_difference_gives_no_plot() -> None:
    assert difference_plot(VerdictRecord("not judged", "Not judged: nothing to compare with.")) is None


def test_each_measured_candidate_has_a_ring_and_a_disc_and_the_unfinished_one_is_grey() -> None:
    metrics = read_run(EXAMPLES / "ants_bees").metrics
    drawing = candidates_plot(metrics.candidates, opponent=metrics.verdict.against)
    assert len(marks(drawing, "circle", "ring")) == len(marks(drawing, "circle", "point")) == 4
    assert len(marks(drawing, "g", "muted")) == 1
    names = ["".join(text.itertext()) for text in marks(drawing, "text", "name")]
    assert names == [
        "linear probe",
        "raw pixels",
        "small network · opponent",
        "same architecture from random weights",
    ]


def test_better_candidates_stand_further_right() -> None:
    metrics = read_run(EXAMPLES / "ants_bees").metrics
    places = [share(dot, "cx") for dot in marks(candidates_plot(metrics.candidates, opponent=None), "circle", "point")]
    values = [entry.test["accuracy"].value for entry in metrics.candidates]
    assert np.argsort(places).tolist() == np.argsort(values).tolist()


def test_a_right_confidence_stands_on_the_diagonal_and_discs_grow_by_area() -> None:
    bins = [
        ReliabilityBin(0.2, 0.4, 10, 0.3, 0.3),
        ReliabilityBin(0.8, 1.0, 40, 0.9, 0.9),
        ReliabilityBin(0, 0.2, 0, None, None),
    ]
    drawing = reliability_plot(bins)
    first, second = marks(drawing, "circle", "bubble")
    (frame,) = marks(drawing, "rect", "frame")
    left, bottom = float(frame.get("x")), float(frame.get("y")) + float(frame.get("height"))
    for disc in (first, second):
        assert float(disc.get("cx")) - left == pytest.approx(bottom - float(disc.get("cy")), abs=0.02)
    assert float(second.get("r")) - 3 == pytest.approx(2 * (float(first.get("r")) - 3))


def test_the_label_curve_has_a_dot_per_size_and_equal_ratios_are_equal_steps() -> None:
    curve = [LabelPoint(size, 2 * size, Estimate(0.5 + size / 100, 0.4, 0.9)) for size in (5, 10, 20)]
    dots = marks(label_curve_plot(curve), "circle", "point")
    first, second, third = (share(dot, "cx") for dot in dots)
    assert second - first == pytest.approx(third - second, abs=2e-4)
    assert [float(dot.get("cy")) for dot in dots] == sorted((float(dot.get("cy")) for dot in dots), reverse=True)


def test_a_curve_of_one_point_is_no_curve() -> None:
    assert label_curve_plot([LabelPoint(1, 2, Estimate(0.5, 0.4, 0.6))]) is None


def test_tooltips_say_the_numbers() -> None:
    raw = json.loads((EXAMPLES / "digits" / "metrics.json").read_text())
    drawing = str(label_curve_plot(read_run(EXAMPLES / "digits").metrics.label_curve))
    value = raw["label_curve"][-1]["accuracy"]
    assert f"{100 * value['value']:.1f} % ({100 * value['low']:.1f} to {100 * value['high']:.1f})" in drawing
