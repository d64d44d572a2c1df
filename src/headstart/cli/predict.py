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

#: A longer name is shortened in the table; ``--csv`` and ``--json`` have it in full.
_NAME_WIDTH = 100


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)],
    inputs: Annotated[
        list[str],
        typer.Argument(
            metavar="INPUT...",
            help="Files, folders and glob patterns; with a model of texts also texts, and tables of them.",
            show_default=False,
        ),
    ],
    item_column: options.ItemColumn = None,
    second_column: options.SecondColumn = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV on standard output.")] = False,
    as_json: options.Json = False,
) -> None:
    """Classify files or texts with a saved run; what cannot be read is named, and the rest is done."""
    if as_csv and as_json:
        raise UsageError("Expected --csv or --json, but got both; choose one.")
    from headstart import api
    from headstart.cli.columns import named_columns

    with progress_for_stderr() as progress:
        loaded = api.load(run, progress=progress)
        predictions = loaded.predict(
            inputs, columns=named_columns(item_column, second=second_column), progress=progress
        )
        for notice in loaded.notices:
            progress.say(f"Note: {notice}")
    if as_json:
        print(json.dumps({"run": str(run), "predictions": [row.to_json() for row in predictions]}))
    elif as_csv:
        _print_csv(predictions, loaded.classes)
    else:
        _print_table(predictions)
    for line in _notes(predictions):
        print(f"headstart: {line}", file=sys.stderr)
    unreadable = [row for row in predictions if row.error is not None]
    for row in unreadable:
        print(f"headstart: {row.id}: {row.error}", file=sys.stderr)
    if unreadable:
        raise typer.Exit(1)


def _notes(predictions: list[Prediction]) -> list[str]:
    """What deserves a word, once for all inputs of which it is true."""
    noted: dict[str, list[str]] = {}
    for row in predictions:
        for note in row.notes:
            noted.setdefault(note, []).append(_on_a_line(row.id))
    return [f"{names[0] if len(names) == 1 else f'{len(names)} inputs'}: {note}" for note, names in noted.items()]


def _print_csv(predictions: list[Prediction], classes: tuple[str, ...]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(["id", "label", "confidence", *classes, "error"])
    for row in predictions:
        scores = [f"{row.probabilities[name]:.6f}" if row.probabilities else "" for name in classes]
        confidence = "" if row.confidence is None else f"{row.confidence:.6f}"
        writer.writerow([row.id, row.label or "", confidence, *scores, row.error or ""])


def _print_table(predictions: list[Prediction]) -> None:
    answered = [row for row in predictions if row.label is not None]
    names = [_on_a_line(row.id) for row in answered]
    width = max(map(len, names), default=0)
    label_width = max((len(str(row.label)) for row in answered), default=0)
    for name, row in zip(names, answered, strict=True):
        second = [] if row.confidence is None else list(row.probabilities.items())[1:2]
        sure = "" if row.confidence is None else f"  {row.confidence:6.1%}"
        rest = f"   {second[0][0]} {second[0][1]:.1%}" if second else ""
        print(f"{name:<{width}}  {row.label:<{label_width}}{sure}{rest}".rstrip())


def _on_a_line(name: str) -> str:
    """A name that may be a whole text, without what could steer a terminal; of a long one the middle is left out."""
    from headstart.artifacts.report.wording import printable

    line = printable(" ".join(name.split()))
    return line if len(line) <= _NAME_WIDTH else f"{line[: _NAME_WIDTH - 40]} … {line[-37:]}"
