"""Fault 18: a full disk, a read-only folder, a lost permission: one error, and what was there is intact."""

import errno
import io
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.conftest import QUICK, draw_shapes
from tests.faults.conftest import Disk, without_clock
from tests.tiny import TASK, state_of, tiny_examples, tiny_network
from tests.workflows.conftest import fix_costs

import headstart
from headstart.backbones.catalog import open_backbone
from headstart.core import files
from headstart.core.errors import StorageError
from headstart.core.run_folder import is_interrupted
from headstart.core.unfinished import open_unfinished, unfinished_path
from headstart.data.items import ArraySource, Item, content_digest
from headstart.data.modality import MODALITIES
from headstart.features import boundary_cache, store
from headstart.features.boundary_cache import Views, activation_rows, activation_shelf, activation_source
from headstart.features.engines.contract import EngineSpec
from headstart.features.store import Shelf
from headstart.training.checkpoints import Checkpoints
from headstart.training.loop import Loop
from headstart.training.phase import LearningRates, Phase
from headstart.training.plan import PlannedPhase
from headstart.training.step_log import StepLog

#: A run's folder before it has its name, and the folder of a fit that has not ended.
PART, UNFINISHED = r"/\.run\.[0-9a-f]{12}\.(part|old)", r"/\.run\.unfinished/"
#: How a disk refuses, and the words for it.
REFUSALS = {
    errno.ENOSPC: "disk is full",
    errno.EACCES: "'Permission denied'",
    errno.EROFS: "'Read-only file system'",
}


class FullDisk:
    """``os.fsync`` on a disk that fills up after so many files."""

    def __init__(self, after):
        self.left, self.sync = after, os.fsync

    def __call__(self, descriptor):
        if self.left == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self.left -= 1
        self.sync(descriptor)


@pytest.mark.parametrize("after", range(5))
def test_a_disk_that_fills_while_a_run_is_saved(shapes, shapes_run, tmp_path, monkeypatch, after):
    monkeypatch.setattr(files.os, "fsync", FullDisk(after))
    with pytest.raises(StorageError, match=r"disk is full.*untouched"):
        headstart.fit(shapes, out=tmp_path / "run", scratch=False, **QUICK)
    assert os.listdir(tmp_path) == []


def test_a_disk_that_fills_while_features_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))
    digests = ["00" * 32, "11" * 32]
    shelf = Shelf({"kind": "a"})
    shelf.add(digests[:1], np.ones((1, 4)))
    monkeypatch.setattr(files.os, "fsync", FullDisk(0))
    with pytest.raises(StorageError, match=r"\(32 bytes\)|\(\d+ bytes\)"):
        shelf.add(digests[1:], np.ones((1, 4)))
    fresh = Shelf({"kind": "a"})
    assert fresh.missing(digests) == [1]
    assert fresh.table(digests[:1]).take(slice(None)).tolist() == [[1.0] * 4]
    assert not list(tmp_path.rglob("*.part"))


AS_NOBODY = """
import os, sys
import headstart
from headstart.core.errors import StorageError
data, ours, theirs = sys.argv[1:]
os.environ["HEADSTART_CACHE"] = ours
headstart.check(data, data_only=True)  # everything is imported now, from folders that nobody else may read
os.environ["HEADSTART_CACHE"] = theirs
os.setuid(65534)
try:
    headstart.check(data, data_only=True)
except StorageError as error:
    print(error)
    sys.exit(3)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="changes to another user, which takes root")
def test_a_cache_that_is_not_ours_is_named(tmp_path):
    """Root may write anywhere, so this is tried as nobody."""
    with tempfile.TemporaryDirectory() as open_to_all:
        data, theirs = Path(open_to_all, "data"), Path(open_to_all, "theirs")
        draw_shapes(data, per_class=3)
        theirs.mkdir()
        Path(open_to_all).chmod(0o755)
        command = [sys.executable, "-c", AS_NOBODY, str(data), str(tmp_path), str(theirs)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 3, done.stderr
        assert "Permission denied" in done.stdout
        assert str(theirs) in done.stdout
        assert list(theirs.iterdir()) == []


@pytest.fixture(scope="module")
def frozen_side(shared_cache):
    """The quick backbone up to its second stage."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        backbone = open_backbone("headstart:small_convnet", random_weights=True)
        return activation_source(backbone, EngineSpec("openvino", "f32"), "stage2")


@pytest.mark.parametrize("code", REFUSALS)
@pytest.mark.parametrize("file", [1, 2, 3, 4, 5])
def test_a_boundary_cache_that_cannot_be_filled_keeps_its_whole_shards(frozen_side, tmp_path, monkeypatch, code, file):
    """The files are what the shelf is about, then rows and digests of a shard of 64, then those of a shard of one."""
    monkeypatch.setattr(store, "cache_home", lambda: tmp_path / "cache")
    monkeypatch.setattr(boundary_cache, "SHARD_BYTES", 1)
    arrays = np.random.default_rng(0).integers(0, 256, (65, 40, 50, 3), dtype=np.uint8)
    items = [Item(str(number), ArraySource(array)) for number, array in enumerate(arrays)]
    digests = [content_digest(array) for array in arrays]
    asked = {"view": 0, "views": Views(0), "source": frozen_side, "modality": MODALITIES["image"]}

    def rows():
        return activation_rows(items, digests, **asked).take(slice(None))

    with monkeypatch.context() as patch, pytest.raises(StorageError, match=rf"\([\d,]+ bytes\).*{REFUSALS[code]}"):
        # the lock and the folders come first; each file is opened, synced and renamed
        Disk(patch, r"\.part", first=3 * file - 1, code=code)
        rows()
    assert not list(tmp_path.rglob("*.part"))
    fresh = activation_shelf(**asked)
    kept = 64 if file > 3 else 0
    assert fresh.missing(digests) == list(range(kept, 65))
    before = fresh.table(digests[:kept]).take(slice(None))
    found = rows()
    np.testing.assert_array_equal(found[:kept], before.reshape(found[:kept].shape))
    monkeypatch.setattr(store, "cache_home", lambda: tmp_path / "undisturbed")
    np.testing.assert_array_equal(found, rows())


class Training:
    """Six steps of a tiny network, with a snapshot after each."""

    def __init__(self, folder):
        self.folder, self.network = folder, tiny_network()
        self.loop = Loop(
            self.network,
            TASK,
            train=tiny_examples(48),
            validation=tiny_examples(24, seed=1),
            checkpoints=Checkpoints(folder, seconds=0.0),
            log=StepLog(folder / "steps.jsonl", training="tiny"),
        )

    def run(self):
        """What it came to, whatever the clock says."""
        phase = Phase("middle", LearningRates(head=0.01, backbone=0.01), epochs=2, batch_size=16, patience=2)
        records = self.loop.fit([PlannedPhase(phase, 2, 3, "float32", 0.0)])
        log = [json.loads(line) for line in (self.folder / "steps.jsonl").read_text().splitlines()]
        plain = json.loads(json.dumps([record.to_json() for record in records]))
        return state_of(self.network), without_clock(plain), without_clock(log)


def assert_same_end(found, expected):
    assert found[1:] == expected[1:]
    assert found[0].keys() == expected[0].keys()
    assert all(torch.equal(found[0][name], tensor) for name, tensor in expected[0].items())


@pytest.mark.parametrize("code", REFUSALS)
def test_whatever_a_training_cannot_write_it_goes_on_from_the_snapshot_before(tmp_path, monkeypatch, code):
    with monkeypatch.context() as patch:
        disk = Disk(patch, str(tmp_path))
        expected = Training(tmp_path / "unbroken").run()
    assert disk.changes > 30  # six steps and two epochs are logged, and as many snapshots opened, synced and renamed
    for first in range(1, disk.changes + 1):
        training = Training(tmp_path / str(first))
        with monkeypatch.context() as patch, pytest.raises(StorageError, match=REFUSALS[code]) as refused:
            Disk(patch, str(tmp_path), first=first, code=code)
            training.run()
        assert not list(tmp_path.rglob("*.part"))
        file = training.folder / "snapshot.safetensors"
        if str(file) in str(refused.value):
            assert " bytes)" in str(refused.value)
        found = Checkpoints(training.folder).load()
        if found is not None:
            assert 0 <= training.loop.state.steps - found.facts["state"]["steps"] <= 1
        assert (found is not None) == (first > 4)
        assert_same_end(Training(training.folder).run(), expected)


def test_a_line_of_the_step_log_that_half_fits_is_forgotten(tmp_path, monkeypatch):
    expected = Training(tmp_path / "unbroken").run()
    opened, lines = io.open, itertools.count(1)

    def open_log(file, mode="r", *given, **named):
        stream = opened(file, mode, *given, **named)
        if mode == "a" and next(lines) == 5:
            whole = stream.write

            def write(text):
                whole(text[: len(text) // 2])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            stream.write = write
        return stream

    with monkeypatch.context() as patch, pytest.raises(StorageError, match=r"room for .*steps\.jsonl.*disk is full"):
        patch.setattr(io, "open", open_log)
        Training(tmp_path / "run").run()
    assert not (tmp_path / "run" / "steps.jsonl").read_text().endswith("\n")
    assert_same_end(Training(tmp_path / "run").run(), expected)


@pytest.mark.parametrize("code", REFUSALS)
def test_an_unfinished_fit_that_cannot_be_written_keeps_what_it_has(tmp_path, monkeypatch, code):
    target, request = tmp_path / "run", {"seed": 0}

    def work():
        with open_unfinished(target, request) as unfinished:
            unfinished.belongs_to("these data")
            values = [unfinished.once("plan", lambda: [1, 2]), unfinished.once("costs", lambda: {"a": 0.5})]
            return [*values, unfinished.folder("tuning").is_dir()]

    with monkeypatch.context() as patch:
        disk = Disk(patch, str(tmp_path))
        assert work() == [[1, 2], {"a": 0.5}, True]
    for first in range(1, disk.changes + 1):
        target = tmp_path / str(first) / "run"
        with monkeypatch.context() as patch, pytest.raises(StorageError, match=REFUSALS[code]):
            Disk(patch, str(tmp_path), first=first, code=code)
            work()
        assert not list(tmp_path.rglob("*.part"))
        assert all(json.loads(file.read_bytes()) for file in unfinished_path(target).rglob("*.json"))
        assert work() == [[1, 2], {"a": 0.5}, True]


@pytest.mark.parametrize("code", REFUSALS)
def test_an_earlier_unfinished_fit_survives_a_refusal(tmp_path, monkeypatch, code):
    target = tmp_path / "run"
    with open_unfinished(target, {}) as unfinished:
        unfinished.once("plan", lambda: [1, 2])
        (unfinished.folder("tuning") / "snapshot").write_bytes(b"hours of work")
    there = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    with monkeypatch.context() as patch, pytest.raises(StorageError, match=r"costs\.json \(\d+ bytes\)"):
        Disk(patch, "values", first=2, code=code)
        with open_unfinished(target, {}) as unfinished:
            unfinished.once("costs", lambda: 3)
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == there


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """26 pictures to train on: one step per epoch."""
    return draw_shapes(tmp_path_factory.mktemp("data") / "small", per_class=20)


def tune(data, out):
    """A fit with one training, as long each time."""
    with pytest.MonkeyPatch.context() as patch:
        fix_costs(patch)
        return headstart.fit(data, out=out, scratch=False, strategy="partial", boundary="stage4", budget=4, **QUICK)


def interrupt(data, out, *, step):
    """The same fit, in whose so many-th step Ctrl-C is pressed."""
    taken, train_step = itertools.count(1), Loop.train_step

    def pressed(self, batch, planned):
        if next(taken) == step:
            signal.raise_signal(signal.SIGINT)
        return train_step(self, batch, planned)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loop, "train_step", pressed)
        return tune(data, out)


@pytest.fixture(scope="module")
def tuned(small, shared_cache, tmp_path_factory):
    """The run that nobody disturbed, and how many changes it took in its unfinished folder and to be published."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        folder = tmp_path_factory.mktemp("runs")
        unfinished, published = Disk(patch, UNFINISHED), Disk(patch, PART)
        run = tune(small, folder / "run")
        return run.path, unfinished.changes, published.changes


def contents(folder):
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def assert_same_run(run, other):
    assert (run / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    for name in ("metrics.json", "evidence.json"):
        ours, theirs = (without_clock(json.loads((one / name).read_bytes())) for one in (run, other))
        assert ours == theirs
    assert not unfinished_path(run).exists()


@pytest.mark.parametrize("code", REFUSALS)
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_fit_whose_unfinished_folder_cannot_be_written_goes_on_later(
    small, tuned, tmp_path, monkeypatch, share, code
):
    unbroken, changes, _ = tuned
    out = tmp_path / "run"
    with monkeypatch.context() as patch, pytest.raises(StorageError, match=REFUSALS[code]):
        Disk(patch, UNFINISHED, first=1 + int(share * changes), code=code)
        tune(small, out)
    assert not out.exists()
    assert_same_run(tune(small, out).path, unbroken)


def test_an_interrupted_run_stays_whole_when_its_better_one_cannot_be_published(small, tuned, tmp_path, monkeypatch):
    unbroken, _, changes = tuned
    out = tmp_path / "run"
    interrupt(small, out, step=3)
    before = contents(out)
    # one change more than an undisturbed fit makes: the interrupted run moves aside
    for first, code in zip([*range(1, changes, 3), changes, changes + 1], itertools.cycle(REFUSALS), strict=False):
        with monkeypatch.context() as patch, pytest.raises(StorageError, match=REFUSALS[code]):
            Disk(patch, PART, first=first, code=code)
            tune(small, out)
        assert contents(out) == before
        assert is_interrupted(out)
        assert sorted(os.listdir(tmp_path)) == [".run.unfinished", "run"]
        assert {answer.label for answer in headstart.load(out).predict(small / "disc")} <= {"disc", "square"}
    assert_same_run(tune(small, out).path, unbroken)
