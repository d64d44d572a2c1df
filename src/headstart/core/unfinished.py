"""The folder of a fit that has not ended yet, beside the run it will become.

For the run ``runs/photos`` it is ``runs/.photos.unfinished/``::

    request.json              everything that decides the result; another request is refused
    data.json                 identity of the data that all the rest was made for
    values/<name>.json        what was made once
    trainings/<n>-<name>/     a training's plan, snapshot and step log, numbered in the order of their beginning
    lock                      held by the fit that is at work here

Once a training has begun it stays however the fit ends, and goes when the run is published for good. Whoever gives the
same command again finds everything that was done.
"""

from __future__ import annotations

import contextlib
import glob
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any
from urllib.parse import quote

from headstart.core.errors import RunFolderError, StorageError, UsageError
from headstart.core.files import remove_folder, storage_errors, try_lock, write_json
from headstart.core.run_folder import MANIFEST, choose_run_path, is_interrupted, run_paths

REQUEST, DATA, VALUES, TRAININGS, LOCK, STEP_LOG = (
    "request.json",
    "data.json",
    "values",
    "trainings",
    "lock",
    "steps.jsonl",
)

#: What temporary names hold between the target's name and their kind; see :mod:`headstart.core.files`.
_UNIQUE = re.compile("[0-9a-f]{12}")


class UnfinishedRun:
    """What a fit has done so far, held by this process until the ``with`` block ends.

    Made by :func:`open_unfinished`.

    Attributes:
        path: The folder.
        resumed: Whether an earlier fit of the same request left it.
    """

    def __init__(self, path: Path, *, resumed: bool, lock: IO[str]) -> None:
        self.path, self.resumed = path, resumed
        self._lock = lock

    def __enter__(self) -> UnfinishedRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not self._trainings():  # nothing that took long is in it
            with contextlib.suppress(StorageError):
                self.discard()
        self._lock.close()

    def belongs_to(self, data_identity: str) -> bool:
        """Ties everything in the folder to the data it is made from; to be called before anything is made.

        Args:
            data_identity: A hash of the data as they are now.

        Returns:
            False where the folder was of other data: all that was made for them has been removed.
        """
        stored = _read(self.path / DATA)
        if stored == data_identity:
            return True
        for folder in (self.path / VALUES, self.path / TRAININGS):
            if folder.exists():
                remove_folder(folder)
        write_json(self.path / DATA, data_identity)
        return stored is None

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """The value that is stored under a name, or the one that ``make`` returns, stored before it is used.

        The first time, too, it is the value as JSON gives it back (a tuple is a list), so that a resumed fit goes on
        with exactly what the unbroken one would have had.

        Args:
            name: Of the value.
            make: Computes it; anything that JSON can hold, ``None`` included.

        Raises:
            ValueError: It holds NaN or infinity, which JSON cannot.
        """
        file = self.path / VALUES / f"{_safe(name)}.json"
        if not file.exists():
            write_json(file, make())
        return _read(file)

    def folder(self, name: str) -> Path:
        """The folder of one training, for its plan, checkpoints and step log; made when first asked for."""
        safe = _safe(name)
        begun = self._trainings()
        for folder in begun:
            if folder.name.partition("-")[2] == safe:
                return folder
        folder = self.path / TRAININGS / f"{len(begun) + 1:04d}-{safe}"
        with storage_errors(folder):
            folder.mkdir(parents=True)
        return folder

    def step_logs(self) -> Iterator[dict[str, Any]]:
        """The entries of all trainings' ``steps.jsonl``, in the order in which the trainings began.

        A line that a killed process left half written is left out: that step was taken again.
        """
        for folder in self._trainings():
            if (folder / STEP_LOG).exists():
                with (folder / STEP_LOG).open("rb") as lines:
                    yield from (entry for line in lines if (entry := _entry(line)) is not None)

    def discard(self) -> None:
        """Removes the folder: the run is published for good."""
        remove_folder(self.path)

    def _trainings(self) -> list[Path]:
        return sorted((self.path / TRAININGS).glob("*-*"))


def open_unfinished(target: Path, request: Mapping[str, Any]) -> UnfinishedRun:
    """Opens the unfinished fit of a run, or begins one; nobody else can open it before the ``with`` block ends.

    Args:
        target: The run that it will become.
        request: Everything that decides the result, as JSON values: options, seed, backbone, version.

    Raises:
        UsageError: Another fit is at work there, or an unfinished one with another request is in the way.
        StorageError: The disk is full, read-only or not ours.
    """
    path = unfinished_path(target)
    lock = try_lock(path / LOCK)
    if lock is None:
        raise UsageError(
            f"Expected to be alone in {path}, but another fit is at work there; wait for it, or name another --out."
        )
    try:
        _sweep(target)
        stored = _read(path / REQUEST)
        if stored is None:
            write_json(path / REQUEST, dict(request))
        elif stored != _plain(request):
            raise UsageError(
                f"Expected to go on with the unfinished fit in {path}, but it was begun with another "
                f"{', '.join(_differences(stored, _plain(request)))}; repeat the earlier command to go on with it, "
                "name another --out, or delete that folder."
            )
    except BaseException:
        if not (path / REQUEST).exists():
            with contextlib.suppress(StorageError):
                remove_folder(path)
        lock.close()
        raise
    return UnfinishedRun(path, resumed=stored is not None, lock=lock)


def stored_value(target: Path, name: str) -> Any:
    """What an unfinished fit of a run has stored under a name; ``None`` where it has not, or where there is none.

    For what has to be known before the fit can be opened; :meth:`UnfinishedRun.once` stores it.
    """
    return _read(unfinished_path(target) / VALUES / f"{_safe(name)}.json")


def _sweep(target: Path) -> None:
    """Tidies up after a fit that was killed while it published its run; whoever holds the lock may.

    A run that was about to be replaced gets its name back, and what is half written goes.
    """
    for left in target.parent.glob(f".{glob.escape(target.name)}.*"):
        unique, _, kind = left.name.removeprefix(f".{target.name}.").partition(".")
        if not _UNIQUE.fullmatch(unique):
            continue
        if kind == "old" and not target.exists():
            with storage_errors(target):
                left.rename(target)
        elif kind in {"old", "part"}:
            remove_folder(left)


def unfinished_path(target: Path) -> Path:
    """Where the unfinished fit of a run lies.

    Example:
        >>> unfinished_path(Path("runs/photos")).as_posix()
        'runs/.photos.unfinished'
    """
    return target.with_name(f".{target.name}.unfinished")


def choose_target(out: str | Path | None, name: str, request: Mapping[str, Any]) -> Path:
    """Where a run goes: to its own unfinished fit if there is one, else to a free place.

    Without ``out`` that is the first of ``runs/NAME``, ``runs/NAME-2``, ... that has an unfinished fit of the same
    request with nobody at work, or is free with no unfinished fit at all.

    Args:
        out: What the user asked for: free, empty, or an interrupted run whose unfinished fit is of the same request.
        name: What the run is about, such as the data's name.
        request: As in :func:`open_unfinished`.

    Raises:
        UsageError: ``out`` is taken.
    """
    if out is None:
        return next(path for path in run_paths(name) if _is_ours(path, request))
    target = Path(out)
    if target.name and is_interrupted(target) and _read(unfinished_path(target) / REQUEST) == _plain(request):
        return target
    return choose_run_path(target, name)


def finished_run(out: str | Path | None, name: str, request: Mapping[str, Any]) -> Path | None:
    """A run of the same request that is there whole, and whose fit was killed before it tidied up; now it is tidied.

    Args:
        out: As in :func:`choose_target`.
        name: As in :func:`choose_target`.
        request: As in :func:`open_unfinished`.

    Returns:
        The run; ``None`` where there is no such run, as nearly always.
    """
    paths = [Path(out)] if out is not None else itertools.takewhile(Path.exists, run_paths(name))
    for target in paths:
        whole = target.name and _is_there(target / MANIFEST) and not is_interrupted(target)
        if whole and _read(unfinished_path(target) / REQUEST) == _plain(request):
            lock = try_lock(unfinished_path(target) / LOCK)
            if lock is not None:
                with lock:
                    remove_folder(unfinished_path(target))
                return target
    return None


def _is_there(file: Path) -> bool:
    """Whether there is such a file; where that cannot be told, others will say why."""
    with contextlib.suppress(OSError):
        return file.is_file()
    return False


def _is_ours(target: Path, request: Mapping[str, Any]) -> bool:
    if target.exists() and not is_interrupted(target):
        return False
    folder = unfinished_path(target)
    if not folder.exists():
        return not target.exists()
    lock = try_lock(folder / LOCK)
    if lock is None:
        return False
    with lock:
        return _read(folder / REQUEST) in (None, _plain(request))


def _differences(there: Mapping[str, Any], here: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The keys whose values differ, with both values; a key inside a mapping is written ``outer.inner``."""
    found = []
    for key in [*there, *(key for key in here if key not in there)]:
        old, new = there.get(key, "nothing"), here.get(key, "nothing")
        if isinstance(old, dict) and isinstance(new, dict):
            found += _differences(old, new, f"{prefix}{key}.")
        elif old != new:
            found.append(f"{prefix}{key} ({json.dumps(old)}, now {json.dumps(new)})")
    return found


def _plain(request: Mapping[str, Any]) -> dict[str, Any]:
    """The request as it will be read back."""
    plain: dict[str, Any] = json.loads(json.dumps(dict(request)))
    return plain


def _safe(name: str) -> str:
    """A file name that differs wherever the names differ."""
    return quote(name, safe=" ")


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry: dict[str, Any] = json.loads(line)
        return entry
    except ValueError:
        return None


def _read(file: Path) -> Any:
    """The value in a JSON file; ``None`` where there is no file."""
    try:
        return json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise StorageError(
            f"Expected to be allowed to read {file}, but got {error.strerror!r}; name another --out."
        ) from error
    except ValueError as error:
        raise RunFolderError(
            f"Expected {file} to be the JSON that headstart wrote, but {error}; delete the folder {file.parent} and "
            "give the command again."
        ) from error
