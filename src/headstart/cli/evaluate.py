"""``headstart evaluate RUN DATA``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from headstart.cli import options
from headstart.cli.console import progress_for_stderr


def command(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)],
    data: options.Data,
    item_column: options.ItemColumn = None,
    second_column: options.SecondColumn = None,
    label_column: options.LabelColumn = None,
    group_column: options.GroupColumn = None,
    split_column: options.SplitColumn = None,
    label_pattern: options.LabelPattern = None,
    as_json: options.Json = False,
) -> None:
    """Measure a saved run on labelled DATA: on its test split where it has one, else on all of it."""
    from headstart import api
    from headstart.artifacts.report.wording import metric_title
    from headstart.cli.columns import named_columns

    columns = named_columns(item_column, label_column, group_column, split_column, second_column, label_pattern)
    with progress_for_stderr() as progress:
        found = api.load(run, progress=progress).evaluate(data, columns=columns, progress=progress)
    for notice in found.notices:
        print(f"Note: {notice}", file=sys.stderr)
    left_out = ", ".join(f"{count} {reason}" for reason, count in found.ledger.counts().items()) or "nothing"
    print(f"{found.items} items judged ({found.split}); left out: {left_out}", file=sys.stderr)
    for name, value in found.scorecard.metrics.items():
        print(f"{metric_title(name):<23} {value.value:.3f} ({value.low:.3f} to {value.high:.3f})", file=sys.stderr)
    if as_json:
        print(json.dumps(found.to_json()))
