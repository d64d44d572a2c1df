"""The main job on small data: what is kept, what decides, what is measured."""

import json

import headstart
import numpy as np
import pytest
from headstart.core.errors import DataError, UnknownNameError, UsageError
from headstart.core.tensors import read_tensors
from tests.conftest import QUICK, draw_shapes


def test_a_run_has_all_that_the_design_promises(shapes_run):
    names = {path.name for path in shapes_run.iterdir()}
    assert {"model.safetensors", "manifest.json", "metrics.json", "report.html", "README.md", "log.jsonl"} <= names
    metrics = json.loads((shapes_run / "metrics.json").read_text())
    assert {"task", "backbone", "strategy", "splits", "excluded", "test", "candidates", "verdict", "seconds"} <= set(metrics)
    assert set(metrics["test"]["accuracy"]) == {"value", "low", "high"}
    assert metrics["splits"] == {"train": 52, "validation": 12, "test": 16}
    assert {"outcome", "against", "difference", "low", "high"} <= set(metrics["verdict"])
    manifest = json.loads((shapes_run / "manifest.json").read_text())
    assert manifest["backbone"]["stages"]
    assert len(manifest["training_items"]) == 52


def test_the_same_command_gives_the_same_model(shapes, tmp_path):
    first, second = (headstart.fit(shapes, out=tmp_path / name, scratch=False, **QUICK) for name in "ab")
    ours, theirs = (read_tensors(run.path / "model.safetensors") for run in (first, second))
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name])
    assert first.metrics["test"] == second.metrics["test"]


def test_the_second_fit_computes_no_feature(shapes, shapes_run, tmp_path):
    assert headstart.fit(shapes, out=tmp_path / "again", scratch=False, **QUICK).metrics["features_computed"] == 0


def test_figures_are_those_of_the_saved_model(shapes, shapes_run):
    """The run's own predictions for its test items give the accuracy that the run claims."""
    run = headstart.load(shapes_run)
    found = run.evaluate(shapes)
    trained = len(run.manifest["training_items"])
    assert found.items == 80 - trained
    assert found.ledger.counts() == {"training item": trained}
    claimed = run.metrics["test"]["accuracy"]["value"] * 16
    validation = run.metrics["candidates"][0]["validation"]["accuracy"]["value"] * 12
    assert found.scorecard.metrics["accuracy"].value * found.items == pytest.approx(claimed + validation)


def test_labels_of_the_test_split_decide_nothing(tmp_path):
    """Wrong test labels change the figures and nothing else."""
    for name in ("right", "wrong"):
        for split, seed in (("train", 1), ("val", 2), ("test", 3)):
            draw_shapes(tmp_path / name / split, per_class=12, seed=seed)
    test = tmp_path / "wrong" / "test"
    (test / "disc").rename(test / "x")
    (test / "square").rename(test / "disc")
    (test / "x").rename(test / "square")
    runs = [headstart.fit(tmp_path / name, out=tmp_path / f"run-{name}", scratch=False, **QUICK) for name in ("right", "wrong")]
    ours, theirs = (read_tensors(run.path / "model.safetensors") for run in runs)
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name])
    accuracies = [run.metrics["test"]["accuracy"]["value"] for run in runs]
    assert accuracies[0] == pytest.approx(1 - accuracies[1])
    assert runs[0].metrics["verdict"]["against"] == runs[1].metrics["verdict"]["against"]


def test_a_taken_folder_is_refused_before_anything_is_read(shapes_run):
    with pytest.raises(UsageError, match="holds another run"):
        headstart.fit("no such data", out=shapes_run)


@pytest.mark.slow
def test_baselines_are_trained_and_shown_with_budget_and_epochs(shapes, tmp_path):
    run = headstart.fit(shapes, out=tmp_path / "run", baseline_budget=8, **QUICK)
    rows = {row["name"]: row for row in run.metrics["candidates"]}
    small = rows["small network from scratch"]
    assert small["budget_seconds"] == 8
    assert small["epochs"] > 0
    assert rows["same architecture from scratch"]["kind"] == "baseline"
    assert run.metrics["verdict"]["against"] in {name for name, row in rows.items() if row["kind"] == "baseline" and row["status"] == "ok"}


def test_a_hidden_layer_is_an_alternative_and_the_linear_probe_stays_visible(shapes, tmp_path):
    run = headstart.fit(shapes, out=tmp_path / "run", head="mlp", scratch=False, **QUICK)
    assert [row["name"] for row in run.metrics["candidates"]][:2] == ["probe with a hidden layer", "linear probe"]
    assert run.manifest["strategy"]["head"] == "mlp"
    image = next((shapes / "disc").iterdir())
    assert run.predict(image)[0].label in {"disc", "square"}


@pytest.mark.parametrize(
    ("setting", "error", "words"),
    [
        ({"head": "liner"}, UnknownNameError, "did you mean 'linear'"),
        ({"strategy": "prob"}, UnknownNameError, "did you mean 'probe'"),
        ({"device": "gpu"}, UsageError, "auto, cpu or cuda"),
        ({"baseline_budget": "soon"}, UsageError, "90s, 5m or 1h"),
        ({"backbone": "bundeled:x", "random_weights": False}, UnknownNameError, "did you mean 'bundled'"),
    ],
)
def test_wrong_settings_are_named(shapes, tmp_path, setting, error, words):
    with pytest.raises(error, match=words):
        headstart.fit(shapes, out=tmp_path / "run", **{**QUICK, **setting})


def test_one_class_is_no_classification(tmp_path):
    draw_shapes(tmp_path / "data", per_class=4, classes=("disc",))
    with pytest.raises(DataError, match="only 'disc'"):
        headstart.fit(tmp_path / "data", out=tmp_path / "run", **QUICK)
