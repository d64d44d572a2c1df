"""What the sections compute, against counting by hand."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from headstart.artifacts.model_card import render_model_card
from headstart.artifacts.report.mistakes import by_recall, confused_pairs
from headstart.artifacts.report.page import render_report
from headstart.artifacts.report.provenance import facts
from headstart.artifacts.report.record import ClassFigures, Estimate, LabelPoint, read_run
from headstart.artifacts.report.result import label_gain
from headstart.artifacts.report.tables import Cell, number, table

EXAMPLES = Path(__file__).parent / "example_runs"


@pytest.mark.parametrize("name", ["ants_bees", "digits", "hedgerow"])
def test_confused_pairs_are_the_largest_off_the_diagonal(name: str) -> None:
    metrics = read_run(EXAMPLES / name).metrics
    matrix = np.array(metrics.confusion)
    wrong = matrix - np.diag(np.diag(matrix))
    pairs = confused_pairs(metrics, most=20)
    assert [pair.count for pair in pairs] == sorted(wrong[wrong > 0].tolist(), reverse=True)[:20]
    for pair in pairs:
        row, column = metrics.classes.index(pair.label), metrics.classes.index(pair.predicted)
        assert pair.count == matrix[row, column] and pair.share == pytest.approx(pair.count / matrix[row].sum())


def test_the_hardest_class_comes_first_and_the_unmeasured_last() -> None:
    def figures(name: str, recall: float | None) -> ClassFigures:
        return ClassFigures(name, 3, None, None if recall is None else Estimate(recall), None)

    ordered = by_recall([figures("a", 0.9), figures("b", None), figures("c", 0.0), figures("d", 0.9)])
    assert [entry.name for entry in ordered] == ["c", "a", "d", "b"]


def test_the_last_step_of_the_label_curve_is_told() -> None:
    curve = [
        LabelPoint(20, 40, Estimate(0.881)),
        LabelPoint(40, 80, Estimate(0.91)),
        LabelPoint(80, 160, Estimate(None)),
    ]
    said = "From 20 to 40 labels per class, test accuracy went from 88.1 % to 91.0 % (+2.9 points)."
    assert label_gain(curve) == said
    assert label_gain(curve[:1]) == ""


def test_facts_leave_out_what_is_empty_and_what_is_a_table() -> None:
    values = {
        "seed": 0,
        "flag": False,
        "none": None,
        "text": "",
        "rows": [{"a": 1}],
        "mean": [0.5, 0.25],
        "strength": 1e4,
    }
    assert facts(values) == [("Seed", "0"), ("Flag", "no"), ("Mean", "0.5, 0.25"), ("Strength", "10,000")]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ants_bees", [("Kind", "image"), ("Size", "224"), ("Mean", "0.485, 0.456, 0.406")]),
        ("tool_notes", [("Kind", "text"), ("Most tokens", "256"), ("Vocabulary", "30522")]),
        ("spoon", [("Kind", "mel"), ("Sampling rate", "16000 Hz"), ("Hop", "160 samples"), ("Mel bands", "64")]),
    ],
)
def test_preprocessing_of_any_kind_is_shown(name: str, shown: list[tuple[str, str]]) -> None:
    preprocess = read_run(EXAMPLES / name).manifest.backbone.preprocess
    assert [pair for pair in shown if pair not in facts(preprocess)] == []
    page = render_report(EXAMPLES / name)
    assert all(f"<dt>{key}</dt><dd>{value}</dd>" in page for key, value in shown)


def test_preprocessing_of_a_kind_that_nobody_knows_is_shown_all_the_same(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "spoon", tmp_path / "run")
    path = tmp_path / "run" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["backbone"]["preprocess"] = {"kind": "smell", "nose_hairs": 3}
    path.write_text(json.dumps(manifest))
    assert "<dt>Nose hairs</dt><dd>3</dd>" in render_report(tmp_path / "run")


@pytest.mark.parametrize(("name", "word"), [("ants_bees", "photo"), ("tool_notes", "text"), ("spoon", "recording")])
def test_examples_are_called_what_they_are(name: str, word: str) -> None:
    words = re.sub(r"<style>.*?</style>|<[^>]*>", " ", render_report(EXAMPLES / name), flags=re.DOTALL)
    assert f"Test {word}s by true and predicted class" in words and f"test {word}s" in words
    verdict = read_run(EXAMPLES / name).metrics.verdict.sentence
    assert re.findall(r"\bitems?\b", words.replace(verdict, ""), flags=re.IGNORECASE) == []


def test_a_table_names_its_columns_and_rows() -> None:
    html = table("Name", ["Class", number("Items")], [("a<b", Cell("3", share=0.5))])
    assert '<th scope="col" class="number">Items</th>' in html
    assert '<th scope="row">a&lt;b</th><td style="--share:0.500">3</td>' in html


def test_a_backbone_that_was_chosen_comes_with_its_ranking(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "ants_bees", tmp_path / "run")
    path = tmp_path / "run" / "metrics.json"
    standing = {"value": 0.9731, "rank": 1, "low": 1, "high": 2}
    better = {"name": "timm:<b>", "outcome": "ranked", "reason": "", "standings": {"probe": standing}}
    failed = {"name": "timm:gone", "outcome": "not ranked", "reason": "offline", "standings": {}}
    choice = {
        "sentence": "Of 2 candidates timm:<b> is first.",
        "examples": 74,
        "scores": ["probe"],
        "candidates": [better, failed],
    }
    path.write_text(json.dumps({**json.loads(path.read_text()), "backbone_choice": choice}))
    page, card = render_report(tmp_path / "run"), render_model_card(tmp_path / "run")
    assert "The ranking, on 74 training photos" in page and "1 (1 to 2)" in page and "0.973" in page
    assert "timm:&lt;b&gt;" in page and "timm:<b>" not in page
    assert r"timm:\<b\> is first" in card
    assert "The ranking, on" not in render_report(EXAMPLES / "ants_bees")
