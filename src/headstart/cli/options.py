"""Options that several verbs share, spelled once."""

from __future__ import annotations

from typing import Annotated

import typer

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A folder with a folder per class, a CSV/TSV/JSONL/Parquet table, or a name such as sklearn:digits, "
        "torchvision:CIFAR10, hf:beans.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.", metavar="DEVICE")]
Backbone = Annotated[
    str | None,
    typer.Option(
        help="bundled:efficientnet_lite0 (default), timm:NAME, file:PATH with --architecture, or run:PATH.",
        metavar="SOURCE:NAME",
    ),
]
Architecture = Annotated[str | None, typer.Option(help="Architecture of a file: backbone, as timm names it.")]
RandomWeights = Annotated[bool, typer.Option("--random-weights", help="The architecture with random weights.")]
ImageColumn = Annotated[str | None, typer.Option(help="Column of a table with the path of each item.")]
LabelColumn = Annotated[str | None, typer.Option(help="Column of a table with the class of each item.")]
GroupColumn = Annotated[
    str | None, typer.Option(help="Column of a table with what must not be torn apart by a split: a patient, a camera.")
]
SplitColumn = Annotated[str | None, typer.Option(help="Column of a table with train, validation or test.")]
