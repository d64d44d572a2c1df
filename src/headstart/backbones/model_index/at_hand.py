"""Which models' weights are on this machine, told from paths alone: nothing is opened, hashed or imported."""

from __future__ import annotations

import importlib.util
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from headstart.backbones.converted import CARD, FORMAT
from headstart.backbones.model_index.row import ModelRow, Weights
from headstart.core.home import cache_home

#: What a repository of the hub calls its weights where the index does not say.
_HUB_FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True, slots=True)
class Machine:
    """What lies on this machine, listed once.

    Attributes:
        converted: Name of a backbone to the folder of its converted form.
        hub: The hub's cache, which other tools share.
        repositories: Names of the folders in it.
        checkpoints: The files that torch.hub, torchvision and Keras fetched, by name.
        fetched: Whether headstart has fetched any file from an address.
    """

    converted: dict[str, Path]
    hub: Path
    repositories: frozenset[str]
    checkpoints: dict[str, Path]
    fetched: bool

    @classmethod
    def now(cls) -> Machine:
        """What lies there at this moment."""
        hub = _hub_cache()
        return cls(
            converted=_converted(cache_home() / "models"),
            hub=hub,
            repositories=frozenset(_listed(hub)),
            checkpoints={name: folder / name for folder in _checkpoint_folders() for name in _listed(folder)},
            fetched=bool(_listed(cache_home() / "weights")),
        )

    def place_of(self, row: ModelRow) -> Path | None:
        """Where a model's weights are; ``None`` where they are not on this machine."""
        for name in row.names:
            if name in self.converted:
                return self.converted[name]
        weights = row.weights
        if weights.place == "package":
            return _in_package(weights.name, weights.file)
        if weights.place == "hub":
            return self._in_hub(weights.name, (weights.file,) if weights.file else _HUB_FILES)
        return self._fetched_from(weights.name) if weights.place == "url" else None

    def _fetched_from(self, url: str) -> Path | None:
        if self.fetched:
            from headstart.backbones.weights.url import kept_at

            if (kept := kept_at(url)).is_file():
                return kept
        return self.checkpoints.get(url.rpartition("/")[2])

    def _in_hub(self, repository: str, files: Iterable[str]) -> Path | None:
        folder = f"models--{repository.replace('/', '--')}"
        if folder not in self.repositories:
            return None
        snapshots = self.hub / folder / "snapshots"
        paths = (snapshots / commit / file for file in files for commit in _listed(snapshots))
        return next((path for path in paths if path.is_file()), None)


def known_file(row: ModelRow, place: Path | None) -> Weights:
    """What is known of a model's file: by the index, and by what lies on this machine without reading it.

    The hub's cache names a file by its hash, and a converted form keeps the facts of the file it was made from.
    """
    if place is None:
        return row.weights
    sha256, size = _converted_from(place) if place.is_dir() else (_hub_hash(place), place.stat().st_size)
    return replace(row.weights, sha256=sha256 or row.weights.sha256, bytes=size or row.weights.bytes)


def _converted_from(folder: Path) -> tuple[str, int | None]:
    try:
        file = json.loads((folder / CARD).read_bytes())["file"] or {}
        return file.get("sha256", ""), file.get("bytes")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return "", None  # a damaged form tells nothing; the catalog makes it again


def _hub_hash(path: Path) -> str:
    name = path.resolve().name
    return name if re.fullmatch("[0-9a-f]{64}", name) else ""


def _converted(models: Path) -> dict[str, Path]:
    """Backbones with their own weights that were converted before, by the name that opens them alone."""
    found = {}
    for name in _listed(models / "names"):
        try:
            entry = json.loads((models / "names" / name).read_bytes())
            request, folder = entry["request"], models / str(entry["folder"])
            fits = entry["stamp"].startswith(f"format {FORMAT},") and _can_be_asked_for(request)
            if fits and not request["random_weights"] and request["architecture"] is None and folder.is_dir():
                found[f"{request['prefix']}:{request['name']}"] = folder
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue  # half an entry is no entry: the catalog makes it again
    return found


def _can_be_asked_for(request: dict[str, str]) -> bool:
    """Whether the name still means something: that of a run is a path, which may be gone, or another from here."""
    return request["prefix"] not in {"run", "file"} or Path(request["name"]).expanduser().exists()


def _hub_cache() -> Path:
    """The hub's cache folder, by huggingface_hub's own rules."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if named := os.environ.get(variable):
            return Path(named).expanduser()
    home = os.environ.get("HF_HOME")
    return (Path(home).expanduser() if home else _user_cache() / "huggingface") / "hub"


def _checkpoint_folders() -> tuple[Path, Path]:
    """Where torch.hub (torchvision too) and Keras keep what they fetched, by their own rules."""
    torch_home, keras_home = os.environ.get("TORCH_HOME"), os.environ.get("KERAS_HOME")
    return (
        (Path(torch_home).expanduser() if torch_home else _user_cache() / "torch") / "hub" / "checkpoints",
        (Path(keras_home).expanduser() if keras_home else Path.home() / ".keras") / "models",
    )


def _user_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").expanduser()


def _in_package(package: str, file: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    places = (Path(folder) / file for folder in (spec.submodule_search_locations or ())) if spec else ()
    return next((path for path in places if path.is_file()), None)


def _listed(folder: Path) -> list[str]:
    """The names in a folder; none where it cannot be listed."""
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return []
