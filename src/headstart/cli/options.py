"""Options that several verbs share, spelled once."""

from __future__ import annotations

from typing import Annotated

import typer

Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A folder with a folder per class, a CSV/TSV/JSONL/Parquet table, or a name such as sklearn:digits, "
        "torchvision:CIFAR10, hf:beans: of photos, texts or recordings.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output and nothing else there.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.", metavar="DEVICE")]
_SOURCES = (
    "bundled:NAME (default: what suits the data), timm:NAME, torchvision:NAME, hf:REPOSITORY, keras:NAME, run:PATH"
)
_MORE_SOURCES = "or file:PATH with --architecture; see `headstart models`."
Backbone = Annotated[str | None, typer.Option(help=f"{_SOURCES}, {_MORE_SOURCES}", metavar="SOURCE:NAME")]
BackboneOrAuto = Annotated[
    str | None,
    typer.Option(
        help=f"{_SOURCES}, auto (the one that `headstart rank DATA` puts first), {_MORE_SOURCES}",
        metavar="SOURCE:NAME",
    ),
]
Architecture = Annotated[
    str | None, typer.Option(help="Architecture of a file: backbone: NAME of timm, or LIBRARY:NAME.")
]
RandomWeights = Annotated[bool, typer.Option("--random-weights", help="The architecture with random weights.")]
AllowLicense = Annotated[
    list[str] | None,
    typer.Option(
        help="Also use weights under this licence, which is not a permissive one; may be given several times.",
        metavar="LICENCE",
    ),
]
ItemColumn = Annotated[
    str | None,
    typer.Option(
        "--item-column",
        "--image-column",
        "--text-column",
        "--sound-column",
        help="Column of a table with the path of each item, or the item itself.",
    ),
]
SecondColumn = Annotated[str | None, typer.Option(help="Column of a table with the second text of each pair.")]
Modality = Annotated[
    str, typer.Option(help="image, text or sound; auto tells it by what is there.", metavar="MODALITY")
]
LabelColumn = Annotated[str | None, typer.Option(help="Column of a table with the class of each item.")]
GroupColumn = Annotated[
    str | None, typer.Option(help="Column of a table with what must not be torn apart by a split: a patient, a camera.")
]
SplitColumn = Annotated[str | None, typer.Option(help="Column of a table with train, validation or test.")]
LabelPattern = Annotated[
    str | None,
    typer.Option(
        help="For a folder of files without class folders: a regular expression that is searched for in each file's "
        "path from there on. Its first group, or the one named label, is the class; one named group says what must not "
        "be torn apart by a split.",
        metavar="REGEX",
    ),
]
