"""The sections about tuning say what the records say, and show names as they are."""

import json
import re
import shutil
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from headstart.artifacts.report.page import render_report
from headstart.artifacts.report.record import read_run
from headstart.artifacts.report.tuning import change_sentence, decision, foremost, learning_curves, stage_changes
from headstart.artifacts.report.tuning_record import GainRecord, LearningCurve, StageChangeRecord

EXAMPLE = Path(__file__).parent / "example_runs" / "house_numbers"
RUN = read_run(EXAMPLE)
ATTACK = "\"><script>alert(1)</script><img src=x onerror='alert(1)'>"


def words(html: object) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", str(html))).split())


def rows(html: object) -> list[str]:
    return [words(row) for row in re.findall(r"<tr>.*?</tr>", str(html))]


def test_the_plan_has_the_probe_first_and_a_row_per_step() -> None:
    html = str(decision(RUN.metrics))
    head, probe, *steps = [*rows(html.split("<details>", maxsplit=1)[0]), rows(html)[-1]]
    assert head.startswith("Boundary Validation")
    assert probe.startswith("top linear probe: only the head trains 73.5 %") and "chosen" not in probe
    assert [row.split()[:2] for row in steps] == [
        [f"{n}", step.boundary] for n, step in enumerate(RUN.metrics.decision.steps, 1)
    ]
    assert [("chosen" in row) for row in steps] == [False] * 4 + [True] + [False] * 2


def test_steps_that_were_not_run_are_folded() -> None:
    opened, folded = str(decision(RUN.metrics)).split("<details>")
    assert "1 step was not run" in folded and len(rows(folded)) == 2
    assert len(rows(opened)) == 2 + 6
    steps = replace(RUN.metrics.decision, steps=RUN.metrics.decision.steps[:-1])
    assert "<details>" not in str(decision(replace(RUN.metrics, decision=steps)))


def test_a_row_holds_what_was_predicted_and_what_it_came_to() -> None:
    row = rows(decision(RUN.metrics))[2]
    for said in (
        "75.5 % +2.0 points", "0.001", "10 of 10 2 views", "9.40 s 8.10 s predicted 31.0 s without cache",
        "cached once 98.9 % of the cost, 48 MB", "bfloat16 channels_last, 2 threads",
    ):  # fmt: skip
        assert said in row
    assert rows(decision(RUN.metrics))[-1] == (
        "7 bottom not run – 0.001 0 of 6 – 1 min 14 s predicted nothing: all stages train –"
    )


def test_memory_that_split_the_batches_is_said() -> None:
    first, *others = RUN.metrics.decision.steps
    steps = (replace(first, accumulation=4, threads=None, views=0), *others)
    row = rows(decision(replace(RUN.metrics, decision=replace(RUN.metrics.decision, steps=steps))))[2]
    assert row.endswith("bfloat16 channels_last, batches in 4 parts") and "views" not in row


def test_the_decision_is_told_with_its_reason_its_end_and_its_cost() -> None:
    decided = RUN.metrics.decision
    said = words(decision(RUN.metrics))
    assert (
        f"Chosen: blocks.3 at 0.001 . {decided.reason}. {decided.ended}. 1 min 47 s were spent of a budget of 2 min."
        in said
    )
    repeated = replace(decided, reason=f"The probe stays. {decided.ended}")
    assert words(decision(replace(RUN.metrics, decision=repeated))).count(decided.ended) == 1
    unbounded = words(decision(replace(RUN.metrics, decision=replace(decided, budget_seconds=None))))
    assert "1 min 47 s were spent." in unbounded


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (
            GainRecord(0.05, 0.02, 0.08),
            "+5.0 points (2.0 to 8.0), with its 95 % interval. The whole interval lies above zero",
        ),
        (GainRecord(0.01, -0.01, 0.03), "+1.0 points (-1.0 to 3.0), with its 95 % interval. The interval holds zero"),
        (GainRecord(-0.05, -0.08, -0.02), "The whole interval lies below zero: on these photos tuning hurt"),
        (None, ""),
    ],
)
def test_the_gain_over_the_probe_is_read_by_its_interval(gain: GainRecord | None, said: str) -> None:
    metrics = replace(RUN.metrics, decision=replace(RUN.metrics.decision, over_probe=gain))
    text = words(decision(metrics))
    assert said in text
    assert ("Against the probe" in text) == (gain is not None)


def test_each_augmentation_says_whether_it_is_used() -> None:
    said = words(decision(RUN.metrics))
    assert "Mirrored: 51.2 % recognised by the probe against 73.5 % unchanged: not used as augmentation." in said
    assert "Shifted: 72.8 % recognised by the probe against 73.5 % unchanged: used as augmentation." in said


def many(count: int) -> list[LearningCurve]:
    accuracies = [step.name for step in RUN.metrics.decision.steps][:6]
    curves = [replace(RUN.evidence.curves[0], name=name) for name in accuracies]
    return curves + [replace(RUN.evidence.curves[0], name=f"unknown {n}") for n in range(count - len(curves))]


def test_up_to_eight_curves_are_open_and_of_more_the_chosen_and_the_best() -> None:
    assert foremost(many(8), RUN.metrics) == many(8)
    best = [curve.name for curve in foremost(many(12), RUN.metrics)]
    assert best[:3] == ["blocks.3 at 0.001", "blocks.5 at 0.001", "blocks.3 at 0.003"] and len(best) == 6


def test_the_other_curves_are_folded_and_none_is_lost() -> None:
    html = str(learning_curves(RUN.metrics, replace(RUN.evidence, curves=tuple(many(12)))))
    opened, folded = html.split("<details>")
    assert "6 more trainings" in folded
    assert opened.count("<svg") == folded.count("<svg") == 6
    assert "<details>" not in str(learning_curves(RUN.metrics, RUN.evidence))


def test_stages_are_summed_up_in_a_sentence_with_the_proof() -> None:
    said = words(stage_changes(RUN.metrics, RUN.evidence))
    assert "Frozen and unchanged: 4 of 9 stages. The output of conv_head changed most (CKA 0.80)." in said
    assert RUN.metrics.decision.chosen_step.frozen.sha256 in said
    assert change_sentence([StageChangeRecord("a", False, 0.0, 1.0)]) == "Frozen and unchanged: 1 of 1 stage."


def test_whatever_things_are_called_is_shown_and_never_run(tmp_path: Path) -> None:
    folder = shutil.copytree(EXAMPLE, tmp_path / "run")
    for name in ("metrics", "evidence"):
        path = folder / f"{name}.json"
        text = path.read_text()
        for word in (
            "blocks.3 at 0.001",
            "linear probe",
            "mirrored",
            "channels_last",
            "conv_head",
            "It reached",
            "Ctrl-C",
        ):
            text = text.replace(f'"{word}', json.dumps(ATTACK + word)[:-1])
        path.write_text(text)
    harmless, page = render_report(EXAMPLE), render_report(folder)
    assert set(re.findall(r"<(\w+)", page)) == set(re.findall(r"<(\w+)", harmless))
    assert page.count("&lt;script&gt;alert(1)") > 15
