"""``headstart extract DATA``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from headstart.cli import options
from headstart.cli.console import progress_for_stderr


def command(
    data: options.Data,
    out: Annotated[Path, typer.Option(help="The Parquet file to write.")] = Path("features.parquet"),
    stage: Annotated[
        list[str] | None, typer.Option(help="Stage whose features are wanted; may be given several times.")
    ] = None,
    backbone: options.Backbone = None,
    architecture: options.Architecture = None,
    random_weights: options.RandomWeights = False,
    allow_license: options.AllowLicense = None,
    item_column: options.ItemColumn = None,
    second_column: options.SecondColumn = None,
    label_column: options.LabelColumn = None,
    group_column: options.GroupColumn = None,
    split_column: options.SplitColumn = None,
    label_pattern: options.LabelPattern = None,
    modality: options.Modality = "auto",
    seed: options.Seed = 0,
    device: options.Device = "auto",
    as_json: options.Json = False,
) -> None:
    """Write features of any stages of a backbone to Parquet, with ids, labels and splits."""
    from headstart import api
    from headstart.cli.columns import named_columns

    with progress_for_stderr() as progress:
        written = api.extract(
            data,
            out,
            stages=stage or (),
            backbone=backbone,
            architecture=architecture,
            random_weights=random_weights,
            allow_license=allow_license or (),
            columns=named_columns(item_column, label_column, group_column, split_column, second_column, label_pattern),
            modality=modality,
            seed=seed,
            device=device,
            progress=progress,
        )
    stages = ", ".join(f"{name} ({dim})" for name, dim in written["stages"].items())
    print(f"{written['rows']} rows of {stages} by {written['backbone']} in {written['file']}", file=sys.stderr)
    if written["excluded"]:
        print(f"Left out: {written['excluded']}", file=sys.stderr)
    if as_json:
        print(json.dumps(written))
