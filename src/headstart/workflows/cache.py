"""What is kept on this machine, and how to let go of it: converted models and cached features."""

from __future__ import annotations

import contextlib
import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from headstart.core.errors import StorageError, UsageError
from headstart.core.home import cache_home, cache_limit
from headstart.features.store import ShelfInfo, shelves

What = Literal["features", "models", "all"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A converted model, or one that was moved aside because it is damaged."""

    name: str
    folder: Path
    size: int


@dataclass(frozen=True)
class CacheContents:
    """Everything in the cache.

    Attributes:
        home: The cache folder.
        limit: The most bytes that features may take.
        models: Converted models.
        features: Cached features and what was seen of items, the most recently used first.
    """

    home: Path
    limit: int
    models: tuple[ModelInfo, ...]
    features: tuple[ShelfInfo, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        rows = [{**asdict(shelf), "folder": str(shelf.folder), "about": dict(shelf.about)} for shelf in self.features]
        models = [{**asdict(model), "folder": str(model.folder)} for model in self.models]
        return {"home": str(self.home), "limit": self.limit, "models": models, "features": rows}


def show_cache() -> CacheContents:
    """What the cache holds."""
    folders = [
        *(cache_home() / "models").glob("*/card.json"),
        *(cache_home() / "models" / "damaged").glob("*/card.json"),
    ]
    models = tuple(_model(card) for card in sorted(folders))
    return CacheContents(cache_home(), cache_limit(), models, tuple(shelves()))


def clear_cache(what: str) -> int:
    """Removes cached features, converted models, or both; they are made again when needed.

    Args:
        what: ``"features"``, ``"models"`` or ``"all"``.

    Returns:
        The bytes that were freed.

    Raises:
        UsageError: ``what`` is none of these.
        StorageError: Something could not be removed.
    """
    if what not in {"features", "models", "all"}:
        raise UsageError(f"Expected features, models or all, but got {what!r}; choose one of these.")
    return sum(_remove(cache_home() / name) for name in ("features", "models") if what in {name, "all"})


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
