"""``headstart predict RUN INPUT...``."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli import options
from headstart.cli.console import progress_for_stderr
from headstart.core.errors import UsageError

if TYPE_CHECKING:
    from headstart.artifacts.predict import Prediction


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)],
    inputs: Annotated[
        list[str], typer.Argument(metavar="INPUT...", help="Files, folders and glob patterns.", show_default=False)
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV on standard output.")] = False,
    as_json: options.Json = False,
) -> None:
    """Classify files with a saved run; what cannot be read is named, and the rest is done."""
    if as_csv and as_json:
        raise UsageError("Expected --csv or --json, but got both; choose one.")
    from headstart import api

    with progress_for_stderr() as progress:
        loaded = api.load(run, progress=progress)
        predictions = loaded.predict(inputs, progress=progress)
        for notice in loaded.notices:
            progress.say(f"Note: {notice}")
    if as_json:
        print(json.dumps({"run": str(run), "predictions": [row.to_json() for row in predictions]}))
    elif as_csv:
        _print_csv(predictions, loaded.classes)
    else:
        _print_table(predictions)
    unreadable = [row for row in predictions if row.error is not None]
    for row in unreadable:
        print(f"headstart: {row.id}: {row.error}", file=sys.stderr)
    if unreadable:
        raise typer.Exit(1)


def _print_csv(predictions: list[Prediction], classes: tuple[str, ...]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(["id", "label", "confidence", *classes, "error"])
    for row in predictions:
        scores = [f"{row.probabilities[name]:.6f}" if row.probabilities else "" for name in classes]
        confidence = "" if row.confidence is None else f"{row.confidence:.6f}"
        writer.writerow([row.id, row.label or "", confidence, *scores, row.error or ""])


def _print_table(predictions: list[Prediction]) -> None:
    answered = [row for row in predictions if row.label is not None and row.confidence is not None]
    width = max((len(row.id) for row in answered), default=0)
    label_width = max((len(str(row.label)) for row in answered), default=0)
    for row in answered:
        second = list(row.probabilities.items())[1:2]
        rest = f"   {second[0][0]} {second[0][1]:.1%}" if second else ""
        print(f"{row.id:<{width}}  {row.label:<{label_width}}  {row.confidence:6.1%}{rest}")
