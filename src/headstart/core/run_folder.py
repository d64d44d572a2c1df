"""A run on disk: a folder that is published whole, verified when opened, and never executes anything.

model.safetensors   the head, and the backbone it stands on
assets/             files that preparing an input needs, such as a tokenizer, under their hashes
manifest.json       what the run is made of: card, stages, strategy, classes, engine, seed, versions, hashes
metrics.json        what it reached
evidence.json       what the report shows besides: the most wrong items, the ledger, near duplicates
log.jsonl           what happened when
report.html, README.md
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import RunFolderError, UsageError
from headstart.core.files import (
    new_folder,
    replacing_folder,
    sha256_file,
    storage_errors,
    write_atomic,
    write_bytes,
    write_json,
)
from headstart.core.tensors import read_tensors

FORMAT = 1
#: Folder of the files that preparing an input needs; each is called by its own hash.
ASSETS = "assets"
MODEL, MANIFEST, METRICS, EVIDENCE, LOG = (
    "model.safetensors",
    "manifest.json",
    "metrics.json",
    "evidence.json",
    "log.jsonl",
)


@dataclass(frozen=True)
class RunFolder:
    """An opened run.

    Attributes:
        path: The folder.
        manifest: What it is made of.
    """

    path: Path
    manifest: Mapping[str, Any]

    @property
    def metrics(self) -> dict[str, Any]:
        """What it reached."""
        return _read_json(self.path / METRICS)

    def tensors(self) -> dict[str, NDArray[Any]]:
        """The weights, after their file's hash has been compared with the manifest's.

        Raises:
            RunFolderError: The file is not the one that was saved.
        """
        file = self.path / MODEL
        if not file.is_file() or sha256_file(file) != self.manifest["hashes"][MODEL]:
            raise RunFolderError(
                f"Expected {file} to be the file that this run saved, but it is missing or its bytes have changed; "
                "restore it, or fit again."
            )
        return read_tensors(file)


def open_run(path: str | Path) -> RunFolder:
    """Opens a run folder.

    Raises:
        RunFolderError: There is no run, or it is of a later format.
    """
    folder = Path(path)
    if not (folder / MANIFEST).is_file():
        found = "is no folder" if not folder.is_dir() else f"has no {MANIFEST}"
        raise RunFolderError(
            f"Expected {folder} to be a run that headstart saved, but it {found}; 'headstart fit DATA' makes one."
        )
    manifest = _read_json(folder / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise RunFolderError(
            f"Expected a run of format {FORMAT}, but {folder} has format {manifest.get('format')!r}; "
            "use the version of headstart that made it."
        )
    return RunFolder(folder, manifest)


def is_interrupted(path: Path) -> bool:
    """Whether a folder is a run that somebody ended early, so that the same fit may put a better one in its place."""
    try:
        metrics = json.loads((path / METRICS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(metrics, dict) and metrics.get("interrupted") is True


def run_paths(name: str) -> Iterator[Path]:
    """``runs/NAME``, ``runs/NAME-2``, and so on, whether free or not.

    Example:
        >>> paths = run_paths("my photos")
        >>> next(paths).as_posix(), next(paths).as_posix()
        ('runs/my-photos', 'runs/my-photos-2')
    """
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name).strip("-.") or "run"
    return (Path("runs") / (f"{safe}-{number}" if number > 1 else safe) for number in itertools.count(1))


def choose_run_path(out: str | Path | None, name: str) -> Path:
    """Where a new run goes: ``out`` if it is free, or the first free name under ``runs/``.

    Args:
        out: What the user asked for.
        name: What the run is about, such as the data's name.

    Raises:
        UsageError: ``out`` is taken, or is no name.
    """
    if out is None:
        return next(path for path in run_paths(name) if not path.exists())
    path = Path(out)
    if path.name in {"", ".."}:
        raise UsageError(f"Expected --out to name a new folder, but got {str(out)!r}; give it a name of its own.")
    with storage_errors(path):
        is_taken = path.exists() and (not path.is_dir() or any(path.iterdir()))
    if is_taken:
        what = "holds another run" if (path / MANIFEST).exists() else "exists and is not empty"
        raise UsageError(f"Expected --out to name a new folder, but {path} {what}; choose another name.")
    return path


def publish_run(
    target: Path,
    *,
    tensors: Mapping[str, NDArray[Any]],
    manifest: Mapping[str, Any],
    measure: Callable[[Path], tuple[Mapping[str, Any], Mapping[str, Any]]],
    decorate: Callable[[Path], None],
    log: Callable[[], Iterable[Mapping[str, Any]]],
    assets: Mapping[str, Path] | None = None,
    replace: bool = False,
) -> RunFolder:
    """Writes a run into a temporary folder, measures what was written, and renames it into place.

    Args:
        target: The new folder.
        tensors: What goes into ``model.safetensors``.
        manifest: Everything but the hashes, which are added.
        measure: Given the folder with model and manifest, returns metrics and evidence: the final figures are those of
            the saved artefact.
        decorate: Writes the report and the model card into the folder.
        log: Gives the lines of ``log.jsonl``, asked for last; they are written one by one, however many there are.
        assets: Files that go into the run's folder ``assets``, by the name that they get there.
        replace: Take the place of an interrupted run at ``target``; no other run is ever replaced.

    Raises:
        StorageError: The disk refuses, or ``target`` is taken; nothing old is touched, nothing new is half there.
    """
    from safetensors.numpy import save

    if target.is_dir() and not any(target.iterdir()):
        with storage_errors(target):
            target.rmdir()
    place = replacing_folder if replace and is_interrupted(target) else new_folder
    with place(target) as folder:
        # From memory, not save_file: a full disk then ends in our own error.
        content = save({name: np.asarray(values, order="C") for name, values in tensors.items()})
        write_bytes(folder / MODEL, content)
        hashes = {MODEL: sha256_file(folder / MODEL)}
        for name, path in (assets or {}).items():
            write_bytes(folder / ASSETS / name, path.read_bytes())
        write_json(folder / MANIFEST, {"format": FORMAT, **manifest, "hashes": hashes})
        metrics, evidence = measure(folder)
        write_json(folder / METRICS, metrics)
        write_json(folder / EVIDENCE, evidence)
        lines = (json.dumps(line) + "\n" for line in log())
        write_atomic(folder / LOG, lambda stream: stream.writelines(line.encode() for line in lines))
        decorate(folder)
    return open_run(target)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(f"Expected {path} to be readable JSON, but {error}; restore it, or fit again.") from error
    if not isinstance(value, dict):
        raise RunFolderError(f"Expected {path} to hold a JSON object, but got a {type(value).__name__}.")
    return value
