"""Numbers are written one way everywhere."""

from dataclasses import replace
from pathlib import Path

import pytest

from headstart.artifacts.report import wording
from headstart.artifacts.report.record import Estimate, read_run

EXAMPLES = Path(__file__).parent / "example_runs"


def test_shares_intervals_and_points() -> None:
    measured = Estimate(0.9546, 0.8487, 0.98741)
    assert wording.accuracy(measured) == "95.5 % (84.9 to 98.7)"
    assert wording.points(0.085) == "+8.5 points"
    assert wording.points(-0.0732) == "-7.3 points"
    assert wording.points(0.085, signed=False) == "8.5 points"


@pytest.mark.parametrize("nothing", [0.0, -0.0, 0.0004, -0.0004])
def test_zero_has_no_sign(nothing: float) -> None:
    assert wording.points(nothing) == "0.0 points"


def test_what_is_undefined_is_a_dash_without_an_interval() -> None:
    for measured in (None, Estimate(None)):
        assert wording.accuracy(measured) == wording.UNDEFINED
    assert wording.percent(None) == wording.points(None) == wording.duration(None) == wording.UNDEFINED


def test_log_loss_is_no_percentage() -> None:
    measured = Estimate(0.1384, 0.0, 0.2889)
    assert wording.estimate("log_loss", measured) == "0.138"
    assert wording.estimate_interval("log_loss", measured) == "(0.000 to 0.289)"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0096, "10 ms"),
        (0.0994, "99 ms"),
        (0.0996, "0.10 s"),
        (9.994, "9.99 s"),
        (9.996, "10.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min"),
        (61, "1 min 1 s"),
        (3599.7, "1 h"),
        (3720, "1 h 2 min"),
    ],
)
def test_durations_never_round_to_a_unit_too_small(seconds: float, text: str) -> None:
    assert wording.duration(seconds) == text


def test_counts_have_separators_and_their_noun() -> None:
    assert wording.counted(1, "class", "classes") == "1 class"
    assert wording.counted(12345, "item") == "12,345 items"


def test_control_and_direction_characters_are_replaced() -> None:
    assert wording.printable("a\x1b[31mb\n\u202ec") == "a\ufffd[31mb\ufffd\ufffdc"


def test_bytes_are_written_in_their_largest_unit() -> None:
    assert [wording.size(count) for count in (0, 1500, 12_000_000, 9_940_000_000)] == [
        "0 B",
        "1.5 kB",
        "12 MB",
        "9.9 GB",
    ]


def test_tuning_is_told_in_a_line() -> None:
    metrics = read_run(EXAMPLES / "house_numbers").metrics
    assert wording.tuning(metrics) == (
        "blocks.3 at 0.001 chosen: 78.5 % on validation against the probe's 73.5 %; +5.1 points on test (1.8 to 8.4)"
    )
    assert wording.tuning(read_run(EXAMPLES / "digits").metrics) == ""


def test_where_the_probe_was_chosen_the_best_step_is_named() -> None:
    metrics = read_run(EXAMPLES / "house_numbers").metrics
    assert metrics.decision is not None
    kept = replace(metrics.decision, chosen="linear probe", over_probe=None)
    said = wording.tuning(replace(metrics, decision=kept))
    best = "linear probe chosen: 73.5 % on validation; the best step, blocks.3 at 0.001, reached 78.5 %"
    assert said == f"{best}, at no lower loss"
    worse = tuple(replace(step, validation_accuracy=0.25) for step in kept.steps[:1])
    said = wording.tuning(replace(metrics, decision=replace(kept, steps=worse)))
    assert said.endswith("reached 25.0 %")
    assert "no step was finished" in wording.tuning(replace(metrics, decision=replace(kept, steps=kept.steps[-1:])))
