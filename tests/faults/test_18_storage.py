"""Fault 18: a full disk, a read-only folder, a lost permission: one error, and what was there is intact."""

import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from tests.conftest import QUICK, draw_shapes

import headstart
from headstart.core import files
from headstart.core.errors import StorageError
from headstart.features.store import Shelf


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
headstart.check(data)  # everything is imported now, from folders that nobody else may read
os.environ["HEADSTART_CACHE"] = theirs
os.setuid(65534)
try:
    headstart.check(data)
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
