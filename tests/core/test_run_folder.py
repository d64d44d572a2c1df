"""A run is published whole, verified when opened, and never overwritten."""

import errno
import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from headstart.core.errors import RunFolderError, StorageError, UsageError
from headstart.core.run_folder import choose_run_path, is_interrupted, open_run, publish_run


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


INTERRUPTED = {"measure": lambda folder: ({"interrupted": True}, {})}


def test_an_interrupted_run_gives_way_and_no_other(tmp_path):
    target = tmp_path / "run"
    publish(target, **INTERRUPTED)
    with pytest.raises(StorageError, match="choose another name"):
        publish(target)
    assert open_run(target).metrics == {"interrupted": True}
    assert publish(target, replace=True).metrics == {"accuracy": 1.0}
    with pytest.raises(StorageError, match="choose another name"):
        publish(target, replace=True)
    assert os.listdir(tmp_path) == ["run"]


def test_replacing_needs_nothing_to_replace(tmp_path):
    assert publish(tmp_path / "run", replace=True).metrics == {"accuracy": 1.0}


def test_the_old_run_stays_until_the_new_one_is_whole(tmp_path):
    publish(tmp_path / "run", **INTERRUPTED)

    def fail(folder):
        assert (folder / "log.jsonl").exists()
        assert open_run(tmp_path / "run").metrics == {"interrupted": True}
        raise RuntimeError

    with pytest.raises(RuntimeError):
        publish(tmp_path / "run", replace=True, decorate=fail)
    assert open_run(tmp_path / "run").metrics == {"interrupted": True}
    assert os.listdir(tmp_path) == ["run"]


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
@pytest.mark.parametrize("rename", [1, 2])
def test_the_old_run_comes_back_when_a_rename_fails(tmp_path, monkeypatch, failure, rename):
    publish(tmp_path / "run", **INTERRUPTED)
    kept = (tmp_path / "run" / "model.safetensors").read_bytes()
    whole, counted = Path.rename, []

    def failing(self, target):
        counted.append(target)
        if len(counted) == rename:
            raise failure
        return whole(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises((StorageError, KeyboardInterrupt)):
        publish(tmp_path / "run", replace=True)
    assert open_run(tmp_path / "run").metrics == {"interrupted": True}
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == kept
    assert os.listdir(tmp_path) == ["run"]


def test_a_process_killed_between_the_renames_leaves_the_old_run_under_a_hidden_name(tmp_path):
    publish(tmp_path / "run", **INTERRUPTED)
    program = """
import os, sys
from pathlib import Path
from headstart.core.files import replacing_folder
whole = Path.rename
def rename(self, target):
    whole(self, target)
    os._exit(9)
Path.rename = rename
with replacing_folder(Path(sys.argv[1])) as folder:
    (folder / "new").write_text("new")
"""
    assert subprocess.run([sys.executable, "-c", program, tmp_path / "run"], check=False).returncode == 9
    hidden = [path for path in tmp_path.iterdir() if (path / "manifest.json").exists()]
    assert [open_run(path).metrics for path in hidden] == [{"interrupted": True}]


def test_a_long_log_is_written_line_by_line(tmp_path):
    count = 200_000
    tracemalloc.start()
    publish(tmp_path / "run", log=lambda: ({"step": number, "loss": 0.5} for number in range(count)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    with (tmp_path / "run" / "log.jsonl").open() as lines:
        assert [json.loads(line)["step"] for line in lines] == list(range(count))
    assert peak < (tmp_path / "run" / "log.jsonl").stat().st_size / 2


@pytest.mark.parametrize("metrics", ["{", "[]", '{"interrupted": "yes"}', None])
def test_only_a_run_that_says_so_is_interrupted(tmp_path, metrics):
    if metrics is not None:
        (tmp_path / "metrics.json").write_text(metrics)
    assert not is_interrupted(tmp_path)
