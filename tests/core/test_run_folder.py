"""A run is published whole, verified when opened, and never overwritten."""

import json
import os

import numpy as np
import pytest

from headstart.core.errors import RunFolderError, UsageError
from headstart.core.run_folder import choose_run_path, open_run, publish_run


def publish(target, **changes):
    settings = {
        "tensors": {"head.weight": np.ones((2, 3), np.float32).T},
        "manifest": {"classes": ["a", "b"]},
        "measure": lambda folder: ({"accuracy": 1.0}, {}),
        "decorate": lambda folder: (folder / "report.html").write_text("report"),
        "log": lambda: [{"step": "read"}],
    }
    return publish_run(target, **{**settings, **changes})


def test_what_was_published_is_there(tmp_path):
    run = publish(tmp_path / "run")
    assert run.manifest["classes"] == ["a", "b"]
    assert run.metrics == {"accuracy": 1.0}
    assert run.tensors()["head.weight"].shape == (3, 2)
    names = {"model.safetensors", "manifest.json", "metrics.json", "evidence.json", "log.jsonl", "report.html"}
    assert set(os.listdir(tmp_path / "run")) == names


def test_the_metrics_are_measured_on_what_was_saved(tmp_path):
    seen = []
    publish(tmp_path / "run", measure=lambda folder: (seen.append(open_run(folder).tensors()), ({}, {}))[1])
    np.testing.assert_array_equal(seen[0]["head.weight"], np.ones((3, 2)))


def test_nothing_is_left_of_a_run_that_failed(tmp_path):
    def fail(folder):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        publish(tmp_path / "run", decorate=fail)
    assert os.listdir(tmp_path) == []


def test_changed_weights_are_refused(tmp_path):
    run = publish(tmp_path / "run")
    file = tmp_path / "run" / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(RunFolderError, match="bytes have changed"):
        run.tensors()


@pytest.mark.parametrize("what", ["nothing", "empty", "broken", "future"])
def test_what_is_no_run_is_named(tmp_path, what):
    folder = tmp_path / "run"
    if what != "nothing":
        folder.mkdir()
    if what in {"broken", "future"}:
        (folder / "manifest.json").write_text("{" if what == "broken" else json.dumps({"format": 99}))
    with pytest.raises(RunFolderError, match="Expected"):
        open_run(folder)


def test_names_under_runs_are_free_and_safe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert choose_run_path(None, "my photos/..").as_posix() == "runs/my-photos"
    (tmp_path / "runs" / "photos").mkdir(parents=True)
    assert choose_run_path(None, "photos").as_posix() == "runs/photos-2"
    assert choose_run_path(None, "...").as_posix() == "runs/run"


def test_a_taken_folder_is_refused_before_anything_is_done(tmp_path):
    publish(tmp_path / "run")
    with pytest.raises(UsageError, match="holds another run"):
        choose_run_path(tmp_path / "run", "")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.doc").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        choose_run_path(tmp_path / "other", "")
    (tmp_path / "empty").mkdir()
    assert publish(choose_run_path(tmp_path / "empty", "")).path == tmp_path / "empty"
