"""A fit that has not ended: one owner, one request, one body of data, and nothing is made twice."""

import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headstart.core.errors import RunFolderError, UsageError
from headstart.core.unfinished import choose_target, finished_run, open_unfinished, stored_value, unfinished_path

REQUEST = {"options": {"seed": 0, "stages": ("a", "b")}, "version": "0.1"}
OTHER = {"options": {"seed": 1, "stages": ("a", "b")}, "version": "0.1"}


@pytest.fixture
def target(tmp_path):
    return tmp_path / "runs" / "photos"


def leave(target, request=REQUEST):
    """An unfinished fit that nobody works at."""
    with open_unfinished(target, request):
        pass


def make_run(target, *, interrupted):
    target.mkdir(parents=True)
    (target / "manifest.json").write_text("{}")
    (target / "metrics.json").write_text(json.dumps({"interrupted": interrupted}))


def never():
    pytest.fail("made twice")


def test_the_same_request_goes_on_and_another_is_refused(target):
    with open_unfinished(target, REQUEST) as first:
        assert not first.resumed
        assert first.path == target.parent / ".photos.unfinished"
    with open_unfinished(target, REQUEST) as second:
        assert second.resumed
    with pytest.raises(UsageError) as refused:
        open_unfinished(target, {**OTHER, "backbone": "timm:resnet18"})
    for part in (str(first.path), "options.seed (0, now 1)", 'backbone ("nothing", now "timm:resnet18")', "--out"):
        assert part in str(refused.value)
    assert "stages" not in str(refused.value)
    leave(target)  # the refusal let go of the lock


def test_a_value_is_made_once_whatever_it_is(target):
    values = {"none": None, "number": 0.1 + 0.2, "a/../b": [1, "two"], "empty": {}}
    with open_unfinished(target, REQUEST) as unfinished:
        for name, value in values.items():
            assert unfinished.once(name, lambda value=value: value) == value
    with open_unfinished(target, REQUEST) as unfinished:
        for name, value in values.items():
            assert unfinished.once(name, never) == value


def test_a_value_is_the_same_the_first_time_and_later(target):
    with open_unfinished(target, REQUEST) as unfinished:
        first = unfinished.once("plan", lambda: {"steps": (1, 2), 3: "three"})
        assert unfinished.once("plan", never) == first == {"steps": [1, 2], "3": "three"}


def test_a_stored_value_is_known_before_the_fit_is_opened(target):
    assert stored_value(target, "backbone") is None
    with open_unfinished(target, REQUEST) as unfinished:
        unfinished.folder("a training")
        unfinished.once("backbone", lambda: {"name": "a/b"})
    assert stored_value(target, "backbone") == {"name": "a/b"}
    assert stored_value(target, "other") is None


def test_what_failed_is_not_stored(target):
    def fail():
        raise RuntimeError

    with open_unfinished(target, REQUEST) as unfinished:
        with pytest.raises(RuntimeError):
            unfinished.once("step", fail)
        with pytest.raises(ValueError, match="JSON compliant"):
            unfinished.once("step", lambda: float("nan"))
        assert unfinished.once("step", lambda: 1) == 1


def test_other_data_begin_anew(target):
    with open_unfinished(target, REQUEST) as unfinished:
        assert unfinished.belongs_to("digest a")
        unfinished.once("probe", lambda: "of a")
        (unfinished.folder("step 1") / "steps.jsonl").write_text('{"step": 1}\n')
    with open_unfinished(target, REQUEST) as unfinished:
        assert unfinished.belongs_to("digest a")
        assert unfinished.once("probe", never) == "of a"
    with open_unfinished(target, REQUEST) as unfinished:
        assert not unfinished.belongs_to("digest b")
        assert unfinished.once("probe", lambda: "of b") == "of b"
        assert list(unfinished.step_logs()) == []
        assert unfinished.belongs_to("digest b")


def test_step_logs_follow_the_order_of_beginning_not_of_names_or_times(target):
    names = [f"step {number}" for number in (9, 10, 1)]
    with open_unfinished(target, REQUEST) as unfinished:
        for name in names:
            unfinished.folder(name)
    with open_unfinished(target, REQUEST) as unfinished:
        for age, name in enumerate(names):
            folder = unfinished.folder(name)
            (folder / "steps.jsonl").write_text(f'{{"training": "{name}", "step": 1}}\n{{"training": "{name}", "st')
            os.utime(folder / "steps.jsonl", (1e9 - age, 1e9 - age))
        unfinished.folder("not begun")
        assert [entry["training"] for entry in unfinished.step_logs()] == names


def test_folders_of_like_names_differ(target):
    with open_unfinished(target, REQUEST) as unfinished:
        names = ["a/b", "a%2Fb", "a b", "a-b", "b", "..", "1-b"]
        folders = [unfinished.folder(name) for name in names]
        assert len(set(folders)) == len(names)
        assert all(folder.is_dir() and folder.parent.parent == unfinished.path for folder in folders)
        assert [unfinished.folder(name) for name in names] == folders


def test_it_stays_after_an_error_and_goes_when_discarded(target):
    with pytest.raises(RuntimeError), open_unfinished(target, REQUEST) as unfinished:
        unfinished.once("probe", lambda: 1)
        unfinished.folder("small network")
        raise RuntimeError
    with open_unfinished(target, REQUEST) as unfinished:
        assert unfinished.once("probe", never) == 1
        unfinished.discard()
    assert list(target.parent.iterdir()) == []


def test_an_error_before_any_training_leaves_nothing_behind(target):
    with pytest.raises(UsageError), open_unfinished(target, REQUEST) as unfinished:
        unfinished.once("plan", lambda: 1)
        raise UsageError("Expected more of --budget.")
    assert list(target.parent.iterdir()) == []
    with open_unfinished(target, OTHER) as unfinished:
        assert not unfinished.resumed


def test_only_one_fit_is_at_work(target):
    with open_unfinished(target, REQUEST), pytest.raises(UsageError, match="another fit is at work there"):
        open_unfinished(target, REQUEST)
    leave(target)


def test_the_lock_goes_with_a_killed_process(target):
    program = """
import sys, time
from pathlib import Path
from headstart.core.unfinished import open_unfinished
with open_unfinished(Path(sys.argv[1]), {"seed": 0}) as unfinished:
    unfinished.once("probe", lambda: 1)
    print("ready", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program, str(target)], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        with pytest.raises(UsageError, match="at work"):
            open_unfinished(target, {"seed": 0})
        process.kill()
    with open_unfinished(target, {"seed": 0}) as unfinished:
        assert unfinished.resumed
        assert unfinished.once("probe", never) == 1


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_worker_does_not_keep_the_lock(target):
    context = multiprocessing.get_context("fork")
    started, ended = context.Event(), context.Event()
    with open_unfinished(target, REQUEST):
        worker = context.Process(target=lambda: (started.set(), ended.wait()))
        worker.start()
        assert started.wait(30)
        with pytest.raises(UsageError, match="at work"):  # nor does it give it back too early
            open_unfinished(target, REQUEST)
    try:
        leave(target)
    finally:
        ended.set()
        worker.join()


def test_a_broken_file_is_named(target):
    leave(target)
    (unfinished_path(target) / "request.json").write_text("{")
    with pytest.raises(RunFolderError, match=r"request\.json"):
        open_unfinished(target, REQUEST)


class TestChoosingATarget:
    @pytest.fixture(autouse=True)
    def here(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)

    def chosen(self, request=REQUEST, out=None):
        return choose_target(out, "photos", request).as_posix()

    def test_a_free_name_or_ones_own_unfinished_fit(self):
        assert self.chosen() == "runs/photos"
        leave(Path("runs/photos"))
        assert self.chosen() == "runs/photos"
        assert self.chosen(OTHER) == "runs/photos-2"
        leave(Path("runs/photos-2"), OTHER)
        assert self.chosen(OTHER) == "runs/photos-2"
        assert self.chosen({"seed": 2}) == "runs/photos-3"

    def test_finished_runs_are_passed_by_and_interrupted_ones_go_on(self):
        make_run(Path("runs/photos"), interrupted=False)
        assert self.chosen() == "runs/photos-2"
        make_run(Path("runs/photos-2"), interrupted=True)
        assert self.chosen() == "runs/photos-3"
        leave(Path("runs/photos-2"))
        assert self.chosen() == "runs/photos-2"
        assert self.chosen(OTHER) == "runs/photos-3"

    def test_what_a_finished_run_left_behind_is_no_unfinished_fit(self):
        make_run(Path("runs/photos"), interrupted=False)
        leave(Path("runs/photos"))
        assert self.chosen() == "runs/photos-2"

    def test_where_another_is_at_work_the_next_name_is_taken(self):
        with open_unfinished(Path("runs/photos"), REQUEST):
            assert self.chosen() == "runs/photos-2"
        assert self.chosen() == "runs/photos"

    def test_a_fit_killed_before_its_request_was_written_blocks_no_name(self):
        unfinished_path(Path("runs/photos")).mkdir(parents=True)
        assert self.chosen() == "runs/photos"
        with open_unfinished(Path("runs/photos"), REQUEST) as unfinished:
            assert not unfinished.resumed

    def test_a_named_folder_is_free_or_ones_own_interrupted_run(self):
        assert self.chosen(out="mine") == "mine"
        make_run(Path("mine"), interrupted=True)
        with pytest.raises(UsageError, match="holds another run"):
            self.chosen(out="mine")
        leave(Path("mine"))
        assert self.chosen(out="mine") == "mine"
        with pytest.raises(UsageError, match="holds another run"):
            self.chosen(OTHER, out="mine")

    @pytest.mark.parametrize("out", [".", "..", "/"])
    def test_a_folder_without_a_name_of_its_own_is_refused(self, out, monkeypatch):
        make_run(Path("here"), interrupted=True)
        monkeypatch.chdir("here")
        with pytest.raises(UsageError, match="name of its own"):
            self.chosen(out=out)


def test_a_run_whose_fit_was_killed_before_it_tidied_up_is_found_and_tidied(target):
    with open_unfinished(target, REQUEST):
        pass
    assert finished_run(target, "photos", REQUEST) is None
    target.mkdir()
    (target / "manifest.json").write_text("{}")
    (target / "metrics.json").write_text('{"interrupted": false}')
    assert finished_run(target, "photos", {**REQUEST, "version": "0.2"}) is None
    assert unfinished_path(target).exists()
    assert finished_run(target, "photos", REQUEST) == target
    assert not unfinished_path(target).exists()
    assert finished_run(target, "photos", REQUEST) is None


def test_an_interrupted_run_is_not_finished(target):
    with open_unfinished(target, REQUEST):
        pass
    target.mkdir()
    (target / "manifest.json").write_text("{}")
    (target / "metrics.json").write_text('{"interrupted": true}')
    assert finished_run(target, "photos", REQUEST) is None
    assert finished_run("", "photos", REQUEST) is None
    assert finished_run(target / "manifest.json", "photos", REQUEST) is None
