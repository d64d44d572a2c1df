"""Ctrl-C leaves the best so far, and the same command goes on to what the unbroken fit comes to."""

import itertools
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest
from tests.conftest import QUICK, draw_shapes
from tests.faults.conftest import without_clock
from tests.workflows.conftest import fix_costs, fixed_boundary_costs

import headstart
from headstart.core.errors import UsageError
from headstart.core.progress import Silent
from headstart.training.loop import Loop
from headstart.training.plan import PhaseCost
from headstart.transfer.tuning_plan import BoundaryCost

#: Buys three trainings: from stage4, from stage2, and of all stages.
BUDGET = 1.7


class Heard(Silent):
    """Remembers what a fit said."""

    def __init__(self):
        self.words = []

    def say(self, message):
        self.words.append(message)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """26 pictures to train on: one step per epoch."""
    return draw_shapes(tmp_path_factory.mktemp("data") / "small", per_class=20)


@pytest.fixture(scope="module")
def unbroken(small, shared_cache, tmp_path_factory):
    """The fit that nobody disturbed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        fix_costs(patch)
        return fit(small, tmp_path_factory.mktemp("runs") / "unbroken")


def fit(data, out, **settings):
    return headstart.fit(data, out=out, **{"budget": BUDGET, "scratch": False, **QUICK, **settings})


def interrupted_fit(data, out, *, step, times=1, **settings):
    """A fit during which Ctrl-C is pressed at a training step, counted over all trainings of this process."""
    taken, train_step = itertools.count(1), Loop.train_step

    def disturbed(self, batch, planned):
        if next(taken) == step:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)
        return train_step(self, batch, planned)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loop, "train_step", disturbed)
        return fit(data, out, **settings)


def unfinished(out):
    return out.with_name(f".{out.name}.unfinished")


def assert_equal(run, other):
    assert (run.path / "model.safetensors").read_bytes() == (other.path / "model.safetensors").read_bytes()
    for name in ("metrics.json", "evidence.json"):
        ours, theirs = (without_clock(json.loads((one.path / name).read_bytes())) for one in (run, other))
        assert ours == theirs
    ours, theirs = (
        [json.loads(line) for line in (one.path / "log.jsonl").read_text().splitlines()] for one in (run, other)
    )
    for steps in (ours, theirs):
        assert [line for line in steps if "loss" in line]
    assert [line for line in ours if "loss" in line] == [line for line in theirs if "loss" in line]


def test_the_unbroken_fit_has_three_trainings(unbroken):
    boundaries = [step["boundary"] for step in unbroken.metrics["decision"]["steps"] if step["status"] == "ok"]
    assert sorted(boundaries) == ["bottom", "stage4", "stage4"]
    assert not unfinished(unbroken.path).exists()


def test_ctrl_c_leaves_the_best_so_far_and_the_same_command_goes_on(small, unbroken, tmp_path, fixed_costs):
    out = tmp_path / "run"
    first = unbroken.metrics["decision"]["steps"][0]["epochs_run"]  # of one step each
    run = interrupted_fit(small, out, step=first + 3)
    decision = run.metrics["decision"]
    assert run.metrics["interrupted"] is True
    assert decision["ended"].startswith("Interrupted")
    planned = [step["status"] for step in decision["steps"]][:3]
    assert planned == ["ok", "interrupted", "not run"]
    assert decision["steps"][1]["epochs_run"] == 3  # the step during which the key was pressed is taken to its end
    tried = {row["name"]: row["validation"]["accuracy"]["value"] for row in run.metrics["candidates"]}
    assert tried[decision["chosen"]] >= tried["linear probe"]
    answers = headstart.load(out).predict(small / "disc")
    assert {answer.label for answer in answers} <= {"disc", "square"}
    assert (out / "report.html").is_file()
    assert unfinished(out).is_dir()

    heard = Heard()
    again = fit(small, out, progress=heard)
    assert any("Going on with the unfinished fit" in words for words in heard.words)
    assert again.metrics["interrupted"] is False
    assert not unfinished(out).exists()
    assert_equal(again, unbroken)


def test_pressed_again_and_again_it_still_ends_with_the_same(small, unbroken, tmp_path, fixed_costs):
    out = tmp_path / "run"
    for step in (1, 4, 9, 2):
        assert interrupted_fit(small, out, step=step).metrics["interrupted"] is True
    assert_equal(fit(small, out), unbroken)


def test_the_stored_plan_is_followed_however_slow_the_machine_has_become(
    small, unbroken, tmp_path, fixed_costs, monkeypatch
):
    def slow_costs(examples, *, device):
        return [
            BoundaryCost(cost.boundary, cost.share_below, 100 * cost.below_seconds, 100 * cost.above_seconds, 1)
            for cost in fixed_boundary_costs(examples, device=device)
        ]

    interrupted_fit(small, tmp_path / "run", step=2)
    monkeypatch.setattr("headstart.workflows.tune.boundary_costs", slow_costs)
    again = fit(small, tmp_path / "run")
    assert_equal(again, unbroken)
    assert "decision" in again.metrics


def test_the_precision_of_a_training_that_has_begun_stays(small, tmp_path, monkeypatch):
    def measured(precision):
        monkeypatch.setattr(
            "headstart.transfer.tuning.measure_cost", lambda *given, **named: PhaseCost(precision, 0.01, 0.01)
        )

    settings = {"strategy": "partial", "boundary": "stage4", "budget": 4}
    measured("bfloat16")
    interrupted_fit(small, tmp_path / "run", step=2, **settings)
    measured("float32")
    run = fit(small, tmp_path / "run", **settings)
    assert run.metrics["decision"]["steps"][0]["precision"] == "bfloat16"


def test_ctrl_c_during_a_baseline_says_so_and_keeps_what_was_tuned(small, tmp_path, fixed_costs):
    settings = {"strategy": "partial", "boundary": "stage4", "scratch": True, "baseline_budget": 0.12}
    expected = fit(small, tmp_path / "whole", **settings)
    tuned = expected.metrics["decision"]["steps"][0]["epochs_run"]
    run = interrupted_fit(small, tmp_path / "run", step=tuned + 2, **settings)
    rows = {row["name"]: row for row in run.metrics["candidates"]}
    assert run.metrics["interrupted"] is True
    assert run.metrics["decision"]["steps"][0]["status"] == "ok"
    assert rows["small network from scratch"]["status"] == "not converged"
    assert "interrupted" in rows["small network from scratch"]["detail"]
    assert rows["same architecture from scratch"]["status"] == "not run"
    again = fit(small, tmp_path / "run", **settings)
    assert_equal(again, expected)
    assert {row["name"] for row in again.metrics["candidates"]} == set(rows)


def test_a_second_ctrl_c_stops_at_once_and_the_same_command_goes_on(small, unbroken, tmp_path, fixed_costs):
    with pytest.raises(KeyboardInterrupt):
        interrupted_fit(small, tmp_path / "run", step=5, times=2)
    assert not (tmp_path / "run").exists()
    assert unfinished(tmp_path / "run").is_dir()
    assert_equal(fit(small, tmp_path / "run"), unbroken)


def test_another_command_for_the_same_place_is_refused_and_told_what_differs(small, tmp_path, fixed_costs):
    with pytest.raises(KeyboardInterrupt):
        interrupted_fit(small, tmp_path / "run", step=2, times=2)
    there = sorted(unfinished(tmp_path / "run").rglob("*"))
    with pytest.raises(UsageError, match=r"options\.budget \(1\.7, now 60\.0\)"):
        fit(small, tmp_path / "run", budget=60)
    with pytest.raises(UsageError, match=r"backbone\.seed \(0, now 1\), options\.seed \(0, now 1\)"):
        fit(small, tmp_path / "run", seed=1)
    assert sorted(unfinished(tmp_path / "run").rglob("*")) == there


def test_an_interrupted_run_gives_way_to_no_other_command(small, tmp_path, fixed_costs):
    run = interrupted_fit(small, tmp_path / "run", step=2)
    before = (run.path / "metrics.json").read_bytes()
    with pytest.raises(UsageError, match=str(tmp_path / "run")):
        fit(small, tmp_path / "run", seed=1)
    assert (run.path / "metrics.json").read_bytes() == before
    assert unfinished(run.path).is_dir()


def test_where_the_data_have_changed_it_begins_anew_and_says_so(small, tmp_path, fixed_costs):
    data = shutil.copytree(small, tmp_path / "small")
    interrupted_fit(data, tmp_path / "run", step=4)
    (data / "disc" / "000.png").unlink()
    heard = Heard()
    run = fit(data, tmp_path / "run", progress=heard)
    assert any("data have changed" in words for words in heard.words)
    assert sum(run.metrics["splits"].values()) == 39
    assert_equal(run, fit(data, tmp_path / "fresh"))


def test_a_relabelled_picture_is_a_change(small, tmp_path, fixed_costs):
    data = shutil.copytree(small, tmp_path / "small")
    interrupted_fit(data, tmp_path / "run", step=4)
    (data / "disc" / "000.png").rename(data / "square" / "moved.png")
    heard = Heard()
    fit(data, tmp_path / "run", progress=heard)
    assert any("data have changed" in words for words in heard.words)


def test_without_out_the_same_command_finds_its_own_unfinished_fit(small, unbroken, tmp_path, fixed_costs, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = interrupted_fit(small, None, step=3)
    assert run.path.as_posix() == "runs/small"
    again = fit(small, None)
    assert again.path.as_posix() == "runs/small"
    assert_equal(again, unbroken)
    assert fit(small, None).path.as_posix() == "runs/small-2"


#: The command line, in which the fifth training step says so and takes as long as it is let.
SLOW = """
import sys, time
from headstart.cli import app
from headstart.training.loop import Loop

train_step, taken, seconds = Loop.train_step, iter(range(1, 1000)), float(sys.argv.pop())

def slow(self, batch, planned):
    if next(taken) == 5:
        print("FIFTH", file=sys.stderr, flush=True)
        time.sleep(seconds)
    return train_step(self, batch, planned)

Loop.train_step = slow
app.main()
"""


def pressed(data, out, *, seconds, times):
    """The exit code and the last words of a fit that gets so many Ctrl-C in its fifth step of so many seconds."""
    quick = ["--backbone", "headstart:small_convnet", "--random-weights", "--no-scratch"]
    command = ["fit", str(data), "--out", str(out), *quick, "--strategy", "partial", "--boundary", "stage4"]
    process = subprocess.Popen(
        [sys.executable, "-c", SLOW, *command, str(seconds)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    said = ""
    for line in process.stderr:
        said += line
        if line == "FIFTH\n" or (times > 1 and line.startswith("Interrupted")):
            process.send_signal(signal.SIGINT)
    return process.wait(timeout=60), said


@pytest.mark.parametrize(("seconds", "times"), [(0.5, 1), (45, 2)])
def test_from_the_shell(small, tmp_path, seconds, times):
    code, said = pressed(small, tmp_path / "run", seconds=seconds, times=times)
    assert "Traceback" not in said
    if times == 1:
        assert code == 0
        assert "Interrupted: saving the best so far" in said
        assert headstart.load(tmp_path / "run").metrics["interrupted"] is True
    else:
        assert code == 130
        assert not (tmp_path / "run").exists()
    assert unfinished(tmp_path / "run").is_dir()
