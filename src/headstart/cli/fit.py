"""``headstart fit DATA``."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from headstart.cli import options
from headstart.cli.console import progress_for_stderr


def command(
    data: options.Data,
    task: Annotated[
        str,
        typer.Option(
            help="classification, multilabel (several labels, or none), regression (a number); of texts also tokens (a "
            "tag for each word), qa (the piece of a text that answers a question), lm (the next token, or hidden ones)."
        ),
    ] = "classification",
    out: Annotated[Path | None, typer.Option(help="Folder of the run; must not hold another run.")] = None,
    strategy: Annotated[
        str,
        typer.Option(
            help="auto: the probe, then as much fine-tuning as the budget buys. probe: a head on frozen features. "
            "partial: the stages above a boundary. finetune: all stages. contrastive: few examples of each class, "
            "compared in pairs (SetFit). scratch: the best network from random weights."
        ),
    ] = "auto",
    budget: Annotated[str, typer.Option(help="Time for fine-tuning: 90s, 5m, 1h.")] = "2m",
    boundary: Annotated[
        str | None, typer.Option(help="Lowest stage that trains with --strategy partial; else what the budget buys.")
    ] = None,
    backbone: options.BackboneOrAuto = None,
    architecture: options.Architecture = None,
    random_weights: options.RandomWeights = False,
    allow_license: options.AllowLicense = None,
    adapt: Annotated[
        str | None,
        typer.Option(
            help="Train the backbone on texts without labels first, as a language model: a file, folder or table, or "
            "self for the training texts.",
            metavar="TEXTS",
        ),
    ] = None,
    head: Annotated[str, typer.Option(help="linear, or mlp for one hidden layer.")] = "linear",
    scratch: Annotated[
        bool, typer.Option("--scratch/--no-scratch", help="Also train baselines from random weights to compare with.")
    ] = True,
    baseline_budget: Annotated[str, typer.Option(help="Time for each of them: 90s, 5m.")] = "30s",
    views: Annotated[
        int | None,
        typer.Option(
            help="Augmented views per item that are cached at the boundary; 0: items as they are. Without: 1 where "
            "changes are known that keep the label."
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(help="Processes that decode where items are read in every epoch; 0: threads.")
    ] = 0,
    log: Annotated[
        str | None, typer.Option(help="Pass training steps on to tensorboard, mlflow or wandb.", metavar="TRACKER")
    ] = None,
    per_class: Annotated[int | None, typer.Option(help="Learn from only so many labels per class.")] = None,
    drop_near: Annotated[
        bool, typer.Option("--drop-near", help="Remove near duplicates of test items from training too.")
    ] = False,
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
    """Fit a model on DATA, judge it against the best model without pretraining, and save the run."""
    from headstart import api
    from headstart.cli.columns import named_columns
    from headstart.cli.console import print_summary

    with progress_for_stderr() as progress:
        run = api.fit(
            data,
            task=task,
            out=out,
            strategy=strategy,
            budget=budget,
            boundary=boundary,
            views=views,
            workers=workers,
            log=log,
            backbone=backbone,
            architecture=architecture,
            random_weights=random_weights,
            allow_license=allow_license or (),
            adapt=adapt,
            head=head,
            scratch=scratch,
            baseline_budget=baseline_budget,
            per_class=per_class,
            drop_near=drop_near,
            columns=named_columns(item_column, label_column, group_column, split_column, second_column, label_pattern),
            modality=modality,
            seed=seed,
            device=device,
            command="headstart " + shlex.join(sys.argv[1:]),
            progress=progress,
        )
    print_summary(run.metrics)
    if as_json:
        print(json.dumps(run.metrics))
