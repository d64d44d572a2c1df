"""Where wrong files go."""

import shutil
from pathlib import Path

import pytest

from headstart.backbones.weights.quarantine import quarantine


def test_files_of_one_name_are_all_kept(tmp_path: Path) -> None:
    for content in ("one", "two"):
        (tmp_path / "weights.pth").write_text(content)
        assert quarantine(tmp_path / "weights.pth").startswith("It was moved to")
    kept = sorted((tmp_path / "cache" / "weights" / "quarantine").iterdir())
    assert [path.read_text() for path in kept] == ["one", "two"]


def test_a_file_that_may_not_be_moved_is_said_to_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(shutil, "move", refuse)
    (tmp_path / "weights.pth").write_text("wrong")
    assert "could not be moved away (Permission denied)" in quarantine(tmp_path / "weights.pth")
    assert (tmp_path / "weights.pth").read_text() == "wrong"
