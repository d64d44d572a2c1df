"""What a person reads of ``check`` about transfer: every figure is there, and many stages still fit on a screen."""

import numpy as np

from headstart.cli.suitability import bar, suitability_lines
from headstart.evaluation.stage_curve import stage_curve
from headstart.evaluation.suitability import Advice, Facts, advise
from headstart.workflows.suitability import Suitability


def found(stages, **given):
    right = [np.arange(200) < 200 * (place + 1) / (len(stages) + 1) for place in range(len(stages))]
    curve = stage_curve(
        stages, pretrained=right, random=[right[0]] * len(stages), plain=right[0], plain_name="raw pixels"
    )
    facts = Facts({"ant": 300, "bee": 280}, 200, 0.41, tuple(stages[1:]))
    values = {
        "backbone": "bundled:x",
        "pretraining": "ImageNet-1k",
        "per_class": facts.per_class,
        "sampled": 200,
        "sampled_classes": 2,
        "shift": facts.shift,
        "covered": {"ant": ("ant",)},
        "curve": curve,
        "advice": advise(curve, facts),
    }
    return Suitability(**(values | given))


def test_a_sample_of_the_classes_is_called_one():
    per_class = {f"kind {number}": 3 for number in range(1500)}
    text = "\n".join(suitability_lines(found(["stem"], per_class=per_class, sampled=300, sampled_classes=100)))
    assert "4,500 training items, 3 per class; 300 of them, of 100 classes, were looked at" in text


def test_every_figure_is_told():
    text = "\n".join(suitability_lines(found(["stem", "middle", "top"])))
    for words in (
        "bundled:x, pretrained on ImageNet-1k",
        "580 training items, 280 to 300 per class; 200 of them were looked at",
        "0.41 standard deviations",
        "at some distance",
        "1 of 2 classes is among the pretraining classes (ant)",
        "75.0% ±",
        "raw pixels",
        "Advice       probe (fit --strategy probe): Of unseen items",
    ):
        assert words in text


def test_advice_names_the_option_that_follows_it():
    advice = (Advice("label more", None, ("Few.",)), Advice("partial", "middle", ("Enough.",)))
    lines = suitability_lines(found(["stem", "middle", "top"], advice=advice))
    assert lines[-2:] == [
        "  Advice       label more: Few.",
        "  Advice       partial from middle (fit --strategy partial --boundary middle): Enough.",
    ]


def test_an_unknown_distance_and_no_coverage_are_said():
    text = "\n".join(suitability_lines(found(["stem", "top"], shift=None, covered={})))
    assert "not known" in text
    assert "0 of 2 classes are among the pretraining classes" in text


def test_of_many_stages_some_are_shown_the_best_and_the_top_among_them():
    names = [f"blocks.{number}" for number in range(60)]
    lines = suitability_lines(found(names))
    shown = [line.split()[0] for line in lines if line.startswith("  blocks.") and "±" in line]
    assert len(shown) < 30
    assert shown[0] == "blocks.0"
    assert shown[-1] == "blocks.59"
    assert max(map(len, lines)) <= 110


def test_a_bar_is_as_long_as_its_share():
    assert [bar(share, width=8).rstrip() for share in (0, 0.25, 1)] == ["", "██", "████████"]
    assert all(len(bar(share)) == 20 for share in np.linspace(0, 1, 33))
