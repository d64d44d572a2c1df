"""``headstart cache show`` and ``headstart cache clear``."""

from __future__ import annotations

import json
import shutil
import sys
import time
from typing import Annotated, Any, Literal

import typer

from headstart.cli import options
from headstart.core.errors import StorageError, UsageError
from headstart.core.home import cache_home, cache_limit

app = typer.Typer(help="What is kept: converted models and features, under HEADSTART_CACHE.", no_args_is_help=True)


@app.command()
def show(as_json: options.Json = False) -> None:
    """List converted models and cached features with their sizes."""
    from headstart.features.store import shelves

    models = _models()
    kept = shelves()
    size = sum(shelf.size for shelf in kept)
    print(f"{cache_home()}: {_bytes(size)} of features (limit {_bytes(cache_limit())})", file=sys.stderr)
    for model in models:
        print(f"  model     {model['name']:<36} {_bytes(model['size']):>9}", file=sys.stderr)
    for shelf in kept:
        what = f"{shelf.about.get('backbone', '')} {shelf.about.get('stage', '')} {shelf.about.get('precision', '')}"
        days = (time.time() - shelf.last_used) / 86400
        print(
            f"  {shelf.about['kind']:<10}{' '.join(what.split()):<36} {_bytes(shelf.size):>9}  {shelf.rows} rows, "
            f"used {days:.0f} days ago",
            file=sys.stderr,
        )
    if as_json:
        rows = [{"about": dict(shelf.about), "rows": shelf.rows, "size": shelf.size} for shelf in kept]
        print(json.dumps({"home": str(cache_home()), "limit": cache_limit(), "models": models, "features": rows}))


@app.command()
def clear(
    what: Annotated[str, typer.Argument(metavar="features|models|all", help="What to remove.", show_default=False)],
    as_json: options.Json = False,
) -> None:
    """Remove cached features, converted models, or both; they are made again when needed."""
    if what not in {"features", "models", "all"}:
        raise UsageError(f"Expected features, models or all, but got {what!r}; choose one of these.")
    freed = sum(_remove(folder) for folder in ("features", "models") if what in {folder, "all"})
    print(f"{_bytes(freed)} freed in {cache_home()}", file=sys.stderr)
    if as_json:
        print(json.dumps({"freed": freed}))


def _remove(name: Literal["features", "models"] | str) -> int:
    folder = cache_home() / name
    if not folder.exists():
        return 0
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise StorageError(
            f"Expected to remove {folder}, but got {error.strerror!r}; check its permissions."
        ) from error
    return size


def _models() -> list[dict[str, Any]]:
    found = []
    for card in sorted((cache_home() / "models").glob("*/card.json")):
        size = sum(file.stat().st_size for file in card.parent.iterdir() if file.is_file())
        found.append({"name": json.loads(card.read_text())["name"], "folder": str(card.parent), "size": size})
    return found


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError
