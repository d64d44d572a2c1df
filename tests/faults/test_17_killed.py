"""Fault 17: SIGKILL at random points of a fit; the same command goes on and ends where the unbroken one does."""

import contextlib
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import draw_shapes
from tests.faults.conftest import without_clock

from headstart.core.run_folder import open_run
from headstart.features.store import Shelf, shelves
from headstart.training.checkpoints import Checkpoints

KILLS = 20
FIT = [
    *("--backbone", "headstart:small_convnet", "--random-weights"),
    *("--strategy", "auto", "--budget", "0.44s", "--baseline-budget", "1.3s"),
]

#: Imports everything once and gives every command in a fork of its own, so that being killed twenty times takes no
#: minute. A fork is killed so many milliseconds after its so many-th access to a file whose path has these words in it.
#: What would be measured before training is a constant here: the plan that is stored is the same for all.
PROGRAM = """
import json, os, signal, sys, time
import openvino, torch
from headstart.cli import app
from headstart.evaluation import baselines
from headstart.training.plan import PhaseCost
from headstart.transfer import scratch, tuning, tuning_plan
from headstart.transfer.tuning_plan import BoundaryCost
from headstart.workflows import fit, from_scratch, stage_comparison, tune, tuned
from headstart.artifacts.report import page
import headstart.api

COSTS = [BoundaryCost("stage4", 0.75, 1e-4, 1e-4, 4096), BoundaryCost("stage2", 0.5, 1e-4, 2e-4, 16384),
         BoundaryCost("bottom", 0.0, 1e-4, 3e-4, 0)]
tuning_plan.SET_UP = tuning_plan.LEAST_MEASURING = 0.0
tune.boundary_costs = lambda examples, *, device: COSTS
tuning.measure_cost = scratch.measure_cost = lambda *given, **named: PhaseCost("float32", 0.1, 0.1, threads=1)

def give(command, report, words, access):
    count = 0
    def hook(event, given):
        nonlocal count
        if event == "open" or event.startswith(("os.", "shutil.")):
            if words in " ".join(str(value) for value in given[:2]):
                count += 1
                if count == access:
                    os.write(report, b".")
    sys.addaudithook(hook)
    sys.argv = ["headstart", *command]
    try:
        app.main()
        code = 0
    except SystemExit as end:
        code = end.code or 0
    os.write(report, str(count).encode())
    os._exit(code)

for line in sys.stdin:
    order = json.loads(line)
    os.environ["HEADSTART_CACHE"] = order["cache"]
    hears, report = os.pipe()
    child = os.fork()
    if not child:
        os.close(hears)
        give(order["command"], report, order["words"], order["access"])
    os.close(report)
    heard = b""
    while part := os.read(hears, 64):
        heard += part
        if part == b"." and order["access"]:
            time.sleep(order["milliseconds"] / 1000)
            os.kill(child, signal.SIGKILL)
    os.close(hears)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(json.dumps({"ended": ended, "accesses": int(heard.strip(b".") or 0)}), flush=True)
"""


class Shell:
    """Gives `headstart fit` commands that may be killed."""

    def __init__(self, process: subprocess.Popen[str], said: Path, data: Path) -> None:
        self._process, self._said, self._data = process, said, data

    def fit(
        self, out: Path, cache: Path, *, words: str = "", access: int = 0, milliseconds: float = 0.0
    ) -> dict[str, int]:
        """How it ended, and how often it accessed a file with these words in its path."""
        command = ["fit", str(self._data), "--out", str(out), *FIT]
        order = {"command": command, "cache": str(cache), "words": words or str(out.parent)}
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({**order, "access": access, "milliseconds": milliseconds}) + "\n")
        self._process.stdin.flush()
        ended: dict[str, int] = json.loads(self._process.stdout.readline())
        assert ended["ended"] in {0, -9}, self._said.read_text()
        return ended


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, and a cache in which nothing is but the converted backbone and its engine trial."""
    folder = tmp_path_factory.mktemp("killed")
    draw_shapes(folder / "data", per_class=16)
    draw_shapes(folder / "other", per_class=8, seed=1)
    probe = ["fit", str(folder / "other"), "--out", str(folder / "ignored"), *FIT[:3], "--strategy", "probe"]
    subprocess.run(
        [sys.executable, "-m", "headstart.cli.app", *probe, "--no-scratch"],
        env={**os.environ, "HEADSTART_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
    )
    shutil.rmtree(folder / "cache" / "features")
    return folder


@pytest.fixture(scope="module")
def shell(workplace: Path) -> Iterator[Shell]:
    said = workplace / "said.txt"
    with said.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        with contextlib.closing(process.stdin or stream):
            yield Shell(process, said, workplace / "data")
        process.wait(timeout=30)


def place(workplace: Path, name: str) -> tuple[Path, Path]:
    """Where a run goes, and a cache of its own."""
    folder = workplace / name
    return folder / "run", Path(shutil.copytree(workplace / "cache", folder / "cache"))


@pytest.fixture(scope="module")
def unbroken(shell: Shell, workplace: Path) -> tuple[Path, int]:
    """The run that nobody disturbed, and how many file accesses it took."""
    out, cache = place(workplace, "unbroken")
    ended = shell.fit(out, cache)
    assert ended["ended"] == 0
    return out, ended["accesses"]


def check_whole(out: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is there can be used: the run, every snapshot, every row of the cache."""
    if out.exists():
        assert open_run(out).tensors()
        assert {"metrics.json", "evidence.json", "log.jsonl", "report.html", "README.md"} <= set(os.listdir(out))
    for snapshot in out.with_name(".run.unfinished").glob("trainings/*/snapshot.safetensors"):
        assert Checkpoints(snapshot.parent).load() is not None
    monkeypatch.setenv("HEADSTART_CACHE", str(cache))
    for found in shelves():
        shelf = Shelf(found.about)
        ids = b"".join(file.read_bytes() for file in found.folder.glob("*.ids"))
        digests = [ids[start : start + 32].hex() for start in range(0, len(ids), 32)]
        assert shelf.missing(digests) == []
        assert len(shelf.table(digests).take(slice(None))) == len(digests) == found.rows


def check_equal(out: Path, unbroken: Path) -> None:
    """The same model, byte by byte, and the same record but for what a clock or a path puts into it."""
    assert (out / "model.safetensors").read_bytes() == (unbroken / "model.safetensors").read_bytes()
    for name in ("metrics.json", "evidence.json", "manifest.json"):
        ours, theirs = (without_clock(json.loads((run / name).read_bytes())) for run in (out, unbroken))
        assert ours == theirs, name
    ours, theirs = (steps_of(run) for run in (out, unbroken))
    assert ours == theirs


def steps_of(run: Path) -> list[Any]:
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [without_clock(line) for line in lines if "training" in line]


def test_the_unbroken_run_has_every_part(unbroken: tuple[Path, int]) -> None:
    """Otherwise the tests below would show little."""
    metrics = json.loads((unbroken[0] / "metrics.json").read_bytes())
    assert [step["below"] for step in metrics["decision"]["steps"] if step["status"] == "ok"] == [
        "cached",
        "cached",
        "nothing",
    ]
    rows = {row["name"]: row for row in metrics["candidates"]}
    assert all(rows[name]["epochs"] == 6 for name in rows if name.endswith("from scratch"))
    assert sum(name.endswith("from scratch") for name in rows) == 2
    assert not unbroken[0].with_name(".run.unfinished").exists()


def test_a_fit_that_is_killed_anywhere_ends_as_the_unbroken_one(
    shell: Shell, workplace: Path, unbroken: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(17)
    target, accesses = unbroken
    out, cache = place(workplace, "broken")
    kills = finished = 0
    while kills < KILLS:
        access, milliseconds = chance.randrange(1, accesses // 4), chance.uniform(0, 30)
        ended = shell.fit(out, cache, access=access, milliseconds=milliseconds)
        check_whole(out, cache, monkeypatch)
        kills += ended["ended"] == -9
        if out.exists() and not out.with_name(".run.unfinished").exists():  # begin again, with nothing in the cache
            check_equal(out, target)
            finished += 1
            shutil.rmtree(out.parent)
            out, cache = place(workplace, "broken")
    if not out.exists():
        assert shell.fit(out, cache)["ended"] == 0
    check_equal(out, target)
    assert not out.with_name(".run.unfinished").exists()


def test_a_run_is_there_whole_or_not_at_all_when_it_is_killed_while_it_is_saved(
    shell: Shell, workplace: Path, unbroken: tuple[Path, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(18)
    out, cache = place(workplace, "saved")
    access, ended = 1, {"ended": -9}
    while ended["ended"] == -9:
        ended = shell.fit(out, cache, words=".part/", access=access)
        check_whole(out, cache, monkeypatch)
        access += chance.randrange(5, 12)
    assert access > 8
    check_equal(out, unbroken[0])
