"""Whole or not at all: what is there before a failure is there after it."""

import errno
import os

import numpy as np
import pytest

from headstart.core.errors import StorageError
from headstart.core.files import new_folder, write_atomic, write_bytes, write_json


def test_a_failing_write_leaves_the_old_file_and_no_crumbs(tmp_path):
    target = tmp_path / "file"
    write_bytes(target, b"old")

    def fail(stream):
        stream.write(b"half")
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError):
        write_atomic(target, fail)
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_full_disk_is_one_error_that_names_place_and_bytes(tmp_path):
    def full(stream):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StorageError, match=r"room for .*file \(1,234 bytes\)"):
        write_atomic(tmp_path / "file", full, needed=1234)
    assert os.listdir(tmp_path) == []


def test_json_with_nan_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "file.json", {"value": np.nan})
    assert os.listdir(tmp_path) == []


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    with new_folder(tmp_path / "good") as folder:
        (folder / "a").write_text("a")
        assert not (tmp_path / "good").exists()
    assert (tmp_path / "good" / "a").read_text() == "a"
    with pytest.raises(RuntimeError), new_folder(tmp_path / "bad") as folder:
        (folder / "a").write_text("a")
        raise RuntimeError
    assert sorted(os.listdir(tmp_path)) == ["good"]


def test_a_folder_is_never_overwritten(tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "old").write_text("old")
    with pytest.raises(StorageError, match="choose another name"), new_folder(tmp_path / "taken"):
        pass
    assert (tmp_path / "taken" / "old").read_text() == "old"
