"""``headstart cache show`` and ``headstart cache clear``."""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated

import typer

from headstart.cli import options

app = typer.Typer(
    help="What is kept: fetched weights, converted models and features, under HEADSTART_CACHE.", no_args_is_help=True
)


@app.command()
def show(as_json: options.Json = False) -> None:
    """List fetched weights, converted models and cached features with their sizes."""
    from headstart import api

    kept = api.show_cache()
    size = sum(shelf.size for shelf in kept.features)
    print(f"{kept.home}: {_bytes(size)} of features (limit {_bytes(kept.limit)})", file=sys.stderr)
    for weights in kept.weights:
        print(f"  weights   {weights.name:<36} {_bytes(weights.size):>9}", file=sys.stderr)
    for model in kept.models:
        print(f"  model     {model.name:<36} {_bytes(model.size):>9}", file=sys.stderr)
    for shelf in kept.features:
        what = f"{shelf.about.get('backbone', '')} {shelf.about.get('stage', '')} {shelf.about.get('precision', '')}"
        days = (time.time() - shelf.last_used) / 86400
        print(
            f"  {shelf.about['kind']:<12}{' '.join(what.split()):<36} {_bytes(shelf.size):>9}  {shelf.rows} rows, "
            f"used {days:.0f} days ago",
            file=sys.stderr,
        )
    if as_json:
        print(json.dumps(kept.to_json()))


@app.command()
def clear(
    what: Annotated[
        str, typer.Argument(metavar="features|models|weights|all", help="What to remove.", show_default=False)
    ],
    as_json: options.Json = False,
) -> None:
    """Remove cached features, converted models or fetched weights; they are made or fetched again when needed."""
    from headstart import api

    freed = api.clear_cache(what)
    print(f"{_bytes(freed)} freed", file=sys.stderr)
    if as_json:
        print(json.dumps({"freed": freed}))


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
