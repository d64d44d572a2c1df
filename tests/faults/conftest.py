"""Things to break."""

import errno
import io
import json
import os
import re
from pathlib import Path
from typing import IO, Any

import pytest
from safetensors.numpy import save_file

from headstart.backbones.conversion import open_source, state_arrays
from headstart.backbones.sources.contract import Request


@pytest.fixture
def run_of_small_convnet(tmp_path: Path) -> Path:
    """The backbone's part of an intact run folder."""
    backbone, card = open_source(Request.parse("headstart:small_convnet.8", random_weights=True))
    folder = tmp_path / "run"
    folder.mkdir()
    tensors = {f"backbone.{name}": values for name, values in state_arrays(backbone.model).items()}
    save_file(tensors, folder / "model.safetensors")
    manifest = {
        "backbone": card.to_json(), "trained_backbone": True, "data": {"name": "letters"}, "training_items": [],
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest))
    open_source(Request.parse(f"run:{folder}"))
    return folder


#: Keys of a run's records whose values a clock, a path or what was computed before puts there.
_CLOCK = {"seconds", "created", "command", "run", "report", "features_computed"}


def without_clock(record: Any) -> Any:
    """A record without what differs between two runs of the same command that come to the same."""
    if isinstance(record, dict):
        return {key: without_clock(value) for key, value in record.items() if key not in _CLOCK}
    if isinstance(record, list):
        return [without_clock(value) for value in record]
    return record


class Disk:
    """Counts what changes files at certain paths, and refuses one of the changes where told to.

    After that nothing new can be written there, while what is there can still be renamed and deleted.

    Args:
        patch: Puts the system's own functions back when it ends.
        paths: Pattern that is looked for in each path.
        first: Number of the first change that is refused, from 1; 0 for none.
        code: How it is refused.
    """

    def __init__(self, patch: pytest.MonkeyPatch, paths: str, *, first: int = 0, code: int = errno.ENOSPC) -> None:
        self.changes = 0
        self._paths, self._first, self._code = re.compile(paths), first, code
        self._open, self._sync = io.open, os.fsync
        self._written: dict[int, str] = {}
        patch.setattr(io, "open", self.open)
        patch.setattr(os, "fsync", self.fsync)
        for name in ("mkdir", "rename", "replace", "truncate"):
            patch.setattr(os, name, self._counted(name, getattr(os, name)))

    def open(self, file: Any, mode: str = "r", *given: Any, **named: Any) -> IO[Any]:
        """``io.open``, which ``Path.open`` calls."""
        if set(mode) & set("wax+"):
            self._change(str(file))
        stream: IO[Any] = self._open(file, mode, *given, **named)
        self._written[stream.fileno()] = str(file)
        return stream

    def fsync(self, descriptor: int) -> None:
        """``os.fsync``."""
        self._change(self._written.get(descriptor, ""))
        self._sync(descriptor)

    def _counted(self, name: str, change: Any) -> Any:
        def counted(path: Any, *given: Any, **named: Any) -> Any:
            if name != "mkdir" or not Path(path).exists():
                self._change(f"{path} {given}", takes_room=name == "mkdir")
            return change(path, *given, **named)

        return counted

    def _change(self, path: str, *, takes_room: bool = True) -> None:
        if not self._paths.search(path):
            return
        self.changes += 1
        if self._first and (self.changes == self._first or (takes_room and self.changes > self._first)):
            raise OSError(self._code, os.strerror(self._code))
