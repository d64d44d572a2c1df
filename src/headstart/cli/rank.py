"""``headstart rank DATA``."""

from __future__ import annotations

import json
import shlex
import sys
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli import options
from headstart.cli.console import progress_for_stderr

if TYPE_CHECKING:
    from headstart.workflows.rank_record import Candidate, Ranking

_WIDTH = 100


def command(
    data: options.Data,
    candidates: Annotated[
        list[str] | None,
        typer.Option(
            help="A backbone to compare; again for each further one. Without: all that "
            "`headstart models --here` lists and that need no --allow-license, but for earlier runs.",
            metavar="SOURCE:NAME",
        ),
    ] = None,
    score: Annotated[
        list[str] | None,
        typer.Option(
            help="A transferability score: probe, knn, logme, hscore, leep or nce; again for further columns. The "
            "first decides.",
            metavar="NAME",
        ),
    ] = None,
    subset: Annotated[
        int | None, typer.Option(help="Rank on at most so many training examples; without: 1000, or 10 per class.")
    ] = None,
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
    """Compare pretrained backbones on DATA without training one: which suits it best, and how sure that is."""
    from headstart import api
    from headstart.cli.columns import named_columns

    with progress_for_stderr() as progress:
        ranking = api.rank(
            data,
            candidates=candidates or (),
            scores=score or (),
            subset=subset,
            allow_license=allow_license or (),
            columns=named_columns(item_column, label_column, group_column, split_column, second_column, label_pattern),
            modality=modality,
            seed=seed,
            device=device,
            progress=progress,
        )
    _print(ranking, data)
    if as_json:
        print(json.dumps(ranking.to_json()))


def _print(ranking: Ranking, data: str) -> None:
    """The table and what follows from it: in colour on a terminal, as plain lines elsewhere."""
    from headstart.artifacts.report.wording import printable

    table = [_headings(ranking), *(_row(ranking, candidate) for candidate in ranking.ranked)]
    command = shlex.join(["headstart", "fit", data, "--backbone", ranking.best.name])
    below = [printable(line) for line in (ranking.sentence, *_left_aside(ranking), command)]
    if sys.stderr.isatty():
        _print_in_colour(table, {candidate.name for candidate in ranking.tied}, below)
    else:
        print("\n".join([*_aligned(table), "", *_wrapped(below[:-1]), "", below[-1]]), file=sys.stderr)


def _aligned(table: Sequence[Sequence[str]]) -> list[str]:
    from headstart.artifacts.report.wording import printable

    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    rows = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table)
    return [printable(row.rstrip()) for row in rows]


def _wrapped(lines: Sequence[str]) -> list[str]:
    return [part for line in lines for part in textwrap.wrap(line, _WIDTH, break_long_words=False)]


def _print_in_colour(table: Sequence[Sequence[str]], tied: set[str], below: Sequence[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading in table[0]:
        grid.add_column(heading, overflow="fold")
    for row in table[1:]:
        grid.add_row(*map(Text, row), style="green" if row[1] in tied else "")
    console = Console(stderr=True, highlight=False)
    sentence, *left_aside, command = below
    console.print(grid, "", Text(sentence, style="bold green"), *map(Text, left_aside), "", Text(command), sep="\n")


def _headings(ranking: Ranking) -> list[str]:
    from headstart.transfer.scores.contract import SCORES

    scores = [SCORES[name].label for name in ranking.scores]
    top1 = ["ImageNet"] if _knows_top1(ranking) else []
    return ["Rank", "Backbone", *scores, *top1, "Parameters", f"{ranking.item_word.capitalize()}s/s", "Took"]


def _knows_top1(ranking: Ranking) -> bool:
    """Whether any of the backbones was ever measured on ImageNet."""
    return any(candidate.imagenet_top1 is not None for candidate in ranking.ranked)


def _row(ranking: Ranking, candidate: Candidate) -> list[str]:
    from headstart.artifacts.report.wording import UNDEFINED, duration

    top1, speed = candidate.imagenet_top1, candidate.items_per_second
    return [
        _rank(candidate, ranking.scores[0]),
        candidate.name,
        *(_score(candidate, name) for name in ranking.scores),
        *([UNDEFINED if top1 is None else f"{top1:.1f} %"] if _knows_top1(ranking) else []),
        UNDEFINED if candidate.parameters is None else f"{candidate.parameters / 1e6:.1f} M",
        UNDEFINED if speed is None else f"{speed:.0f}",
        duration(candidate.seconds),
    ]


def _rank(candidate: Candidate, score: str) -> str:
    standing = candidate.standings[score]
    return (
        f"{standing.rank}" if standing.low == standing.high else f"{standing.rank} ({standing.low} to {standing.high})"
    )


def _score(candidate: Candidate, score: str) -> str:
    found = candidate.standings.get(score)
    return "n/a" if found is None else f"{found.value:.3f}"


def _left_aside(ranking: Ranking) -> list[str]:
    """The candidates that are not in the table, and why."""
    thinned = [candidate for candidate in ranking.candidates if candidate.outcome == "thinned out"]
    lines = [f"Not among the better half on {one.examples} examples: {one.name}" for one in thinned]
    failed = [candidate for candidate in ranking.candidates if candidate.outcome == "not ranked"]
    return [*lines, *(f"Not ranked: {one.name}: {one.reason}" for one in failed)]
