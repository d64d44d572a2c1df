import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from headstart.core.errors import StorageError
from headstart.training.checkpoints import Checkpoints, Snapshot, TrainingWork

FACTS = {"steps": 3, "rate": 0.1 + 0.2, "reason": "größer", "nothing": None}


def snapshot(value: float = 1.0) -> Snapshot:
    tied = torch.full((2, 3), value)
    tensors = {
        "kernel": torch.rand(4, 3, 2, 2).contiguous(memory_format=torch.channels_last),
        "step": torch.tensor(7.0),
        "count": torch.tensor(5),
        "half": torch.rand(3).to(torch.bfloat16),
        "tied": tied,
        "tied too": tied,
    }
    return Snapshot(tensors, FACTS)


def test_what_is_saved_is_loaded_bit_for_bit(tmp_path: Path) -> None:
    saved = snapshot()
    Checkpoints(tmp_path / "new").save(saved)
    found = Checkpoints(tmp_path / "new").load()
    assert found is not None and found.facts == FACTS
    assert found.tensors.keys() == saved.tensors.keys()
    for name, tensor in saved.tensors.items():
        assert found.tensors[name].dtype == tensor.dtype
        assert torch.equal(found.tensors[name], tensor)


def test_where_nothing_was_saved_nothing_is_found(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path).load() is None


def test_a_full_disk_leaves_the_snapshot_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(snapshot(1.0))

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match=r"Expected room for .*snapshot\.safetensors \([\d,]+ bytes\)"):
            checkpoints.save(snapshot(2.0))
    found = checkpoints.load()
    assert found is not None and found.tensors["tied"].tolist() == [[1.0] * 3] * 2
    assert [file.name for file in tmp_path.iterdir()] == ["snapshot.safetensors"]


def test_a_trainings_files_lie_in_its_folder(tmp_path: Path) -> None:
    work = TrainingWork(tmp_path, lambda: False, training="small")
    assert {work.plan, work.log.path, work.checkpoints.path} == {
        tmp_path / "plan.json", tmp_path / "steps.jsonl", tmp_path / "snapshot.safetensors"
    }  # fmt: skip
    assert work.log.training == "small"


def test_they_are_named_without_torch() -> None:
    program = "import sys, headstart.training.checkpoints; print(bool({'torch', 'safetensors'} & sys.modules.keys()))"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "False"


def test_snapshots_are_due_by_the_clock_and_at_the_ends_of_epochs_unless_these_are_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("headstart.training.checkpoints.time.monotonic", lambda: clock[0])
    checkpoints = Checkpoints(tmp_path, seconds=20.0)
    assert checkpoints.due(epoch_ended=True) and not checkpoints.due(epoch_ended=False)

    def slow_write(target: Path, content: bytes) -> None:
        clock[0] += 1.0

    monkeypatch.setattr("headstart.training.checkpoints.write_bytes", slow_write)
    checkpoints.save(Snapshot({}, {}))
    for now, expected in [(10.9, (False, False)), (11.1, (True, False)), (20.9, (True, False)), (21.1, (True, True))]:
        clock[0] = now
        assert (checkpoints.due(epoch_ended=True), checkpoints.due(epoch_ended=False)) == expected
