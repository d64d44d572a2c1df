"""Several labels, or a number, for each item, whole: what is learned, kept, judged and saved."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.workflows.pooled_tasks.conftest import PHOTOS, run_of

from headstart.core.errors import UsageError
from headstart.core.tensors import read_tensors
from headstart.transfer import task_training


@pytest.fixture(scope="module")
def levels(bright: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    with pytest.MonkeyPatch.context() as patch:  # the engine that was fastest here is the one of the other runs
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        return run_of("regression", bright, PHOTOS, tmp_path_factory.mktemp("runs") / "levels", scratch=True)


def test_a_regression_has_what_the_design_promises(levels):  # type: ignore[no-untyped-def]
    metrics, manifest = levels.metrics, levels.manifest
    assert (metrics["task"], metrics["leading"], metrics["classes"]) == ("regression", "r2", [])
    assert sum(metrics["splits"].values()) == 100
    assert list(metrics["test"]) == ["r2", "mean_absolute_error", "root_mean_squared_error"]
    assert set(metrics["test"]["r2"]) == {"value", "low", "high"}
    assert [candidate["name"] for candidate in metrics["candidates"]] == [
        "linear probe",
        "always the same answer",
        "raw pixels",
        "small network from scratch",
        "same architecture from scratch",
    ]
    assert metrics["verdict"]["outcome"] == "not judged"  # nothing was transferred
    assert set(manifest["problem"]) == {"mean", "scale", "least", "most"}
    assert 1040 < manifest["problem"]["least"] < manifest["problem"]["mean"] < manifest["problem"]["most"] < 1210
    assert len(manifest["training_items"]) == metrics["splits"]["train"]
    assert not (levels.path.parent / ".levels.unfinished").exists()


def test_the_brightness_is_learned_and_a_constant_answer_explains_nothing(levels):  # type: ignore[no-untyped-def]
    by_name = {candidate["name"]: candidate["test"] for candidate in levels.metrics["candidates"]}
    assert levels.metrics["test"]["r2"]["value"] > 0.9
    assert levels.metrics["test"]["mean_absolute_error"]["value"] < 10
    assert by_name["always the same answer"]["r2"]["value"] <= 0
    assert by_name["raw pixels"]["r2"]["value"] > 0.9


def test_the_most_wrong_items_are_shown_with_both_numbers(levels):  # type: ignore[no-untyped-def]
    evidence = json.loads((levels.path / "evidence.json").read_text())
    errors = [abs(float(wrong["label"]) - float(wrong["predicted"])) for wrong in evidence["most_wrong"]]
    assert errors == sorted(errors, reverse=True)
    assert all(wrong["exhibit"]["picture"].startswith("data:image/") for wrong in evidence["most_wrong"])


def test_the_same_command_gives_the_same_model(levels, bright, tmp_path):  # type: ignore[no-untyped-def]
    again = run_of("regression", bright, PHOTOS, tmp_path / "again")
    ours, theirs = (read_tensors(run.path / "model.safetensors") for run in (levels, again))
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name])
    assert levels.metrics["test"] == again.metrics["test"]


def test_several_labels_of_photos(coloured, tmp_path):  # type: ignore[no-untyped-def]
    metrics = run_of("multilabel", coloured, PHOTOS, tmp_path / "colours").metrics
    assert (metrics["task"], metrics["leading"]) == ("multi-label classification", "micro_f1")
    assert metrics["classes"] == ["green", "red"]
    assert sum(metrics["splits"].values()) == 80  # a fourth of which have no label
    assert metrics["test"]["micro_f1"]["value"] > 0.8
    assert [record["class"] for record in metrics["per_class"]] == ["green", "red"]
    assert all(record["precision"]["low"] <= record["precision"]["value"] for record in metrics["per_class"])


def test_texts_are_fine_tuned_and_held_against_what_knows_no_pretraining(topics, small_bert, tmp_path):  # type: ignore[no-untyped-def]
    run = run_of("multilabel", topics, small_bert, tmp_path / "topics", strategy="finetune")
    metrics, decision = run.metrics, run.metrics["decision"]
    assert metrics["classes"] == ["high", "low", "middle"]
    assert run.manifest["trained_backbone"]
    assert run.manifest["strategy"]["boundary"] == "bottom"
    assert decision["chosen"] == metrics["candidates"][0]["name"]
    assert [step["status"] for step in decision["steps"]] == ["ok"]
    probe = next(entry for entry in metrics["candidates"] if entry["name"] == "linear probe")
    gain = metrics["test"]["micro_f1"]["value"] - probe["test"]["micro_f1"]["value"]
    assert decision["over_probe"]["difference"] == pytest.approx(gain)
    assert metrics["verdict"]["outcome"] in {"helps", "hurts", "no difference shown"}
    assert "micro F1" in metrics["verdict"]["sentence"]
    assert metrics["verdict"]["against"] in {"hashed n-grams", "TF-IDF"}
    assert "--no-scratch" in metrics["verdict"]["warnings"][-1]


def test_partial_keeps_what_lies_below_the_boundary_and_groups_stay_together(scores, small_bert, tmp_path):  # type: ignore[no-untyped-def]
    out = tmp_path / "partial"
    run = run_of("regression", scores, small_bert, out, strategy="partial", boundary="encoder.layer.2")
    (step,) = run.metrics["decision"]["steps"]
    assert step["frozen"]["stages"] == ["embeddings", "encoder.layer.0", "encoder.layer.1"]
    assert step["below"] == "cached"
    before = read_tensors(Path(small_bert.name.removeprefix("hf:")) / "model.safetensors")  # type: ignore[union-attr]
    moved = {
        name
        for name, values in run.tensors().items()
        for source in before
        if name.startswith("backbone.") and source.endswith(name.removeprefix("backbone."))
        if not np.array_equal(before[source].astype(np.float32), values)
    }
    assert moved
    assert all("layer.2." in name for name in moved)
    assert all(count % 3 == 0 for count in run.metrics["splits"].values())
    assert run.metrics["verdict"]["sentence"].count("R²") == 1


def test_a_fit_that_was_killed_follows_its_stored_plan_and_repeats_no_epoch(  # type: ignore[no-untyped-def]
    scores, small_bert, tmp_path, monkeypatch
):
    def killed(folder: Path) -> None:
        raise KeyboardInterrupt

    options = {"strategy": "partial", "boundary": "encoder.layer.2"}
    with pytest.raises(KeyboardInterrupt):
        run_of("regression", scores, small_bert, tmp_path / "run", **options, decorate=killed)

    def repeated(*_: object, **__: object) -> None:
        raise AssertionError("what was measured and trained is there")

    monkeypatch.setattr(task_training, "measure_cost", repeated)
    run = run_of("regression", scores, small_bert, tmp_path / "run", **options)
    entries = [json.loads(line) for line in (run.path / "log.jsonl").read_text().splitlines()]
    epochs = [entry["epoch"] for entry in entries if "validation_loss" in entry]
    assert epochs
    assert len(epochs) == len(set(epochs)) == run.metrics["decision"]["steps"][0]["epochs_run"]
    assert not (tmp_path / ".run.unfinished").exists()


@pytest.mark.parametrize("task", ["multilabel", "regression"])
@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"strategy": "scratch", "scratch": True}, "--strategy scratch"),
        ({"strategy": "contrastive"}, "--strategy contrastive"),
        ({"head": "mlp"}, "--head mlp"),
        ({"views": 2}, "--views"),
    ],
)
def test_what_makes_no_sense_is_refused(bright, tmp_path, task, options, named):  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=f"Expected what --task {task} can do, but got {named}"):
        run_of(task, bright, PHOTOS, tmp_path / "no", **options)
