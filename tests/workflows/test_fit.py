"""The main job on small data: what is kept, what decides, what is measured."""

import json

import numpy as np
import pytest
from tests.conftest import QUICK, draw_shapes

import headstart
from headstart.core.errors import DataError, UnknownNameError, UsageError
from headstart.core.tensors import read_tensors

#: The frozen side alone; what moves the boundary is tested in test_tune.py.
PROBE = {"strategy": "probe", "scratch": False, **QUICK}


def test_a_run_has_all_that_the_design_promises(shapes_run):
    names = {path.name for path in shapes_run.iterdir()}
    assert {"model.safetensors", "manifest.json", "metrics.json", "report.html", "README.md", "log.jsonl"} <= names
    metrics = json.loads((shapes_run / "metrics.json").read_text())
    assert {"task", "backbone", "strategy", "splits", "excluded", "test", "candidates", "verdict", "seconds"} <= set(
        metrics
    )
    assert set(metrics["test"]["accuracy"]) == {"value", "low", "high"}
    assert metrics["splits"] == {"train": 52, "validation": 12, "test": 16}
    assert {"outcome", "against", "difference", "low", "high"} <= set(metrics["verdict"])
    manifest = json.loads((shapes_run / "manifest.json").read_text())
    assert manifest["backbone"]["stages"]
    assert len(manifest["training_items"]) == 52


def test_the_same_command_gives_the_same_model(shapes, tmp_path):
    first, second = (headstart.fit(shapes, out=tmp_path / name, **PROBE) for name in "ab")
    ours, theirs = (read_tensors(run.path / "model.safetensors") for run in (first, second))
    assert ours.keys() == theirs.keys()
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name])
    assert first.metrics["test"] == second.metrics["test"]


def test_the_second_fit_computes_no_feature(shapes, shapes_run, tmp_path):
    assert headstart.fit(shapes, out=tmp_path / "again", **PROBE).metrics["features_computed"] == 0


def test_figures_are_those_of_the_saved_model(shapes, shapes_run):
    """The run's own predictions for its test items give the accuracy that the run claims."""
    run = headstart.load(shapes_run)
    found = run.evaluate(shapes)
    trained = len(run.manifest["training_items"])
    assert found.items == 80 - trained
    assert found.ledger.counts() == {"seen in training": trained}
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
    runs = [headstart.fit(tmp_path / name, out=tmp_path / f"run-{name}", **PROBE) for name in ("right", "wrong")]
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
    run = headstart.fit(shapes, out=tmp_path / "run", strategy="probe", baseline_budget=8, **QUICK)
    rows = {row["name"]: row for row in run.metrics["candidates"]}
    small = rows["small network from scratch"]
    assert small["budget_seconds"] == 8
    assert small["epochs"] > 0
    assert rows["same architecture from scratch"]["kind"] == "baseline"
    assert rows["linear probe"]["kind"] == "transfer"


def test_a_hidden_layer_is_an_alternative_and_the_linear_probe_stays_visible(shapes, tmp_path):
    run = headstart.fit(shapes, out=tmp_path / "run", head="mlp", **PROBE)
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


@pytest.mark.slow
def test_a_network_trained_from_scratch_can_be_saved_and_started_from(shapes, tmp_path):
    run = headstart.fit(shapes, out=tmp_path / "first", strategy="scratch", baseline_budget=20, **QUICK)
    assert run.manifest["trained_backbone"] is True
    assert run.manifest["strategy"]["boundary"] == "bottom"
    saved = run.metrics["candidates"][0]
    assert saved["strategy"] == "scratch"
    assert run.metrics["test"]["accuracy"] == saved["test"]["accuracy"]
    assert run.predict(shapes / "disc")[0].label in {"disc", "square"}
    draw_shapes(tmp_path / "other", per_class=15, seed=9)
    second = headstart.fit(
        tmp_path / "other", out=tmp_path / "second", backbone=f"run:{run.path}", strategy="probe", scratch=False
    )
    card = second.manifest["backbone"]
    assert card["pretraining"] == "shapes"
    assert set(card["pretraining_items"]) == set(run.manifest["training_items"])
    assert second.metrics["verdict"]["outcome"] in {"helps", "hurts", "no difference shown"}
    same = headstart.fit(
        shapes, out=tmp_path / "same", backbone=f"run:{run.path}", strategy="probe", scratch=False, seed=5
    )
    assert any("part of the pretraining" in warning for warning in same.metrics["verdict"]["warnings"])


def test_random_weights_transfer_nothing_and_the_verdict_says_so(shapes_run):
    verdict = json.loads((shapes_run / "metrics.json").read_text())["verdict"]
    assert verdict["outcome"] == "not judged"
    assert "random weights" in verdict["sentence"]


def test_scratch_without_training_is_a_contradiction(shapes, tmp_path):
    with pytest.raises(UsageError, match="leave it out"):
        headstart.fit(shapes, out=tmp_path / "run", strategy="scratch", scratch=False, **QUICK)


@pytest.mark.data
def test_real_photos_reach_what_the_readme_promises(real_data, tmp_path):
    run = headstart.fit(real_data / "ants_bees", out=tmp_path / "ants", strategy="probe", scratch=False)
    assert run.metrics["splits"]["test"] == 44
    assert run.metrics["test"]["accuracy"]["value"] >= 0.88
    assert run.metrics["verdict"]["outcome"] == "helps"
    assert run.metrics["verdict"]["against"] == "raw pixels"
    assert any("ants, bees" in warning for warning in run.metrics["verdict"]["warnings"])
    run = headstart.fit(real_data / "cats_dogs", out=tmp_path / "cats", strategy="probe", scratch=False)
    assert run.metrics["test"]["accuracy"]["value"] >= 0.97


@pytest.mark.data
@pytest.mark.slow
def test_more_real_pictures(real_data, tmp_path):
    for name, least in (("flowers5", 0.70), ("cifar10", 0.72)):
        run = headstart.fit(real_data / name, out=tmp_path / name, strategy="probe", scratch=False)
        assert run.metrics["test"]["accuracy"]["value"] >= least, name


def test_digits_do_not_gain_from_photos(tmp_path):
    run = headstart.fit("sklearn:digits", out=tmp_path / "digits", per_class=10, strategy="probe", scratch=False)
    assert run.metrics["verdict"]["outcome"] == "hurts"
    assert run.metrics["verdict"]["high"] < 0


def test_one_example_per_class_is_too_few_to_train_and_to_validate(shapes, tmp_path):
    with pytest.raises(UsageError, match="at least 2"):
        headstart.fit(shapes, out=tmp_path / "run", per_class=1, **QUICK)


def test_a_class_of_which_nothing_can_be_read_is_not_fitted(tmp_path):
    """All discs are broken: one class is left, and a model that always says square would be perfect."""
    draw_shapes(tmp_path / "data", per_class=10)
    for path in (tmp_path / "data" / "disc").iterdir():
        path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DataError, match=r"(?s)left out: 10 unreadable.*only 'square'"):
        headstart.fit(tmp_path / "data", out=tmp_path / "run", **PROBE)
    report = headstart.check(tmp_path / "data")
    assert any("only 'square'" in error for error in report.errors)


def test_one_group_is_not_enough_to_train_on(tmp_path):
    draw_shapes(tmp_path / "data", per_class=12)
    rows = ["file,label,patient,split"]
    for name in ("disc", "square"):
        for number in range(12):
            split = "train" if number < 8 else "val" if number < 10 else "test"
            rows.append(f"{name}/{number:03d}.png,{name},{'a' if number < 8 else number},{split}")
    (tmp_path / "data" / "table.csv").write_text("\n".join(rows))
    columns = headstart.Columns(item="file", label="label", group="patient", split="split")
    with pytest.raises(DataError, match="Expected two groups or more to train on"):
        headstart.fit(tmp_path / "data" / "table.csv", out=tmp_path / "run", columns=columns, **PROBE)


def test_a_verdict_without_a_trained_network_says_what_it_lacks(tmp_path):
    run = headstart.fit("sklearn:digits", out=tmp_path / "run", per_class=5, strategy="probe", scratch=False)
    assert any("Leave out --no-scratch" in warning for warning in run.metrics["verdict"]["warnings"])


def test_names_that_are_not_utf8_survive_to_the_report(tmp_path):
    import os

    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    draw_shapes(tmp_path / "data", per_class=8)
    (tmp_path / "data").rename(os.fsdecode(folder))
    run = headstart.fit(os.fsdecode(folder), out=tmp_path / "run", **PROBE)
    assert (run.path / "report.html").is_file()
    assert run.predict(os.fsdecode(folder))[0].error is None


def test_extract_reads_unlabelled_folders_and_refuses_bad_tables(tmp_path):
    draw_shapes(tmp_path / "data", per_class=3, classes=("flat",))
    written = headstart.extract(tmp_path / "data" / "flat", tmp_path / "out.parquet", **QUICK)
    assert written["rows"] == 3
    (tmp_path / "data" / "flat" / "metadata.csv").write_text("file_name,label\n../../etc/passwd,a\n000.png,b\n")
    with pytest.raises(DataError, match=r"\.\."):
        headstart.extract(tmp_path / "data" / "flat", tmp_path / "out.parquet", **QUICK)


def test_a_probe_that_did_not_converge_is_shown_as_such(shapes, shapes_run, tmp_path, monkeypatch):
    from dataclasses import replace

    from headstart.workflows import probes

    solved = probes.fit_probe
    monkeypatch.setattr(probes, "fit_probe", lambda *given, **named: replace(solved(*given, **named), converged=False))
    run = headstart.fit(shapes, out=tmp_path / "run", **PROBE)
    assert run.metrics["candidates"][0]["status"] == "not converged"
