"""What is kept on this machine, and how to let go of it: fetched weights, converted models, cached features."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from headstart.core.errors import StorageError, UsageError
from headstart.core.home import cache_home, cache_limit
from headstart.features.store import ShelfInfo, shelves

What = Literal["features", "models", "weights", "all"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A converted model, or one that was moved aside because it is damaged."""

    name: str
    folder: Path
    size: int


@dataclass(frozen=True, slots=True)
class WeightsInfo:
    """A fetched file of weights, part of one, or one in quarantine because it is not what it should be."""

    file: Path
    size: int

    @property
    def name(self) -> str:
        """Where it lies below the folder of all weights."""
        return str(self.file.relative_to(_weights()))


@dataclass(frozen=True)
class CacheContents:
    """Everything in the cache.

    Attributes:
        home: The cache folder.
        limit: The most bytes that features may take.
        weights: Files fetched from an address; those of a hub lie in the hub's own cache.
        models: Converted models.
        features: Cached features and what was seen of items, the most recently used first.
    """

    home: Path
    limit: int
    weights: tuple[WeightsInfo, ...]
    models: tuple[ModelInfo, ...]
    features: tuple[ShelfInfo, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        rows = [{**asdict(shelf), "folder": str(shelf.folder), "about": dict(shelf.about)} for shelf in self.features]
        models = [{**asdict(model), "folder": str(model.folder)} for model in self.models]
        weights = [{"file": str(one.file), "size": one.size} for one in self.weights]
        return {"home": str(self.home), "limit": self.limit, "weights": weights, "models": models, "features": rows}


def show_cache() -> CacheContents:
    """What the cache holds."""
    folders = [
        *(cache_home() / "models").glob("*/card.json"),
        *(cache_home() / "models" / "damaged").glob("*/card.json"),
    ]
    models = tuple(_model(card) for card in sorted(folders))
    files = sorted(file for file in _weights().rglob("*") if file.is_file() and file.suffix != ".lock")
    weights = tuple(WeightsInfo(file, file.stat().st_size) for file in files)
    return CacheContents(cache_home(), cache_limit(), weights, models, tuple(shelves()))


def clear_cache(what: str) -> int:
    """Removes cached features, converted models, fetched weights, or all; they are made or fetched again when needed.

    The lock file stays: what is fetched again must be what it was.

    Args:
        what: ``"features"``, ``"models"``, ``"weights"`` or ``"all"``.

    Returns:
        The bytes that were freed.

    Raises:
        UsageError: ``what`` is none of these.
        StorageError: Something could not be removed.
    """
    if what not in get_args(What):
        raise UsageError(f"Expected features, models, weights or all, but got {what!r}; choose one of these.")
    parts = [name for name in get_args(What) if name != "all"]
    return sum(_remove(cache_home() / name) for name in parts if what in {name, "all"})


def _weights() -> Path:
    return cache_home() / "weights"


def _model(card: Path) -> ModelInfo:
    name = "damaged"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        name = str(json.loads(card.read_bytes())["name"])
    return ModelInfo(name, card.parent, _size(card.parent))


def _remove(folder: Path) -> int:
    size = _size(folder)
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise StorageError(
            f"Expected to remove {folder}, but got {error.strerror!r}; check its permissions."
        ) from error
    return size


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
