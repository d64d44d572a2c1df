"""``headstart check DATA``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from headstart.cli import options
from headstart.cli.console import progress_for_stderr

if TYPE_CHECKING:
    from headstart.workflows.check import CheckReport

_SHOWN = 20
_SHOWN_OF_GROUP = 4


def command(
    data: options.Data,
    data_only: Annotated[
        bool, typer.Option("--data-only", help="Leave the models out: look at the data alone.")
    ] = False,
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
    as_json: options.Json = False,
) -> None:
    """Print the state of DATA, and whether transfer is appropriate; exits with 2 where a fit would be refused."""
    from headstart import api
    from headstart.cli.columns import named_columns

    with progress_for_stderr() as progress:
        report = api.check(
            data,
            data_only=data_only,
            backbone=backbone,
            architecture=architecture,
            random_weights=random_weights,
            allow_license=allow_license or (),
            columns=named_columns(item_column, label_column, group_column, split_column, second_column, label_pattern),
            modality=modality,
            seed=seed,
            progress=progress,
        )
    for line in _lines(report):
        print(line, file=sys.stderr)
    if as_json:
        print(json.dumps(report.to_json()))
    if report.errors:
        raise typer.Exit(2)


def _lines(report: CheckReport) -> list[str]:
    from headstart.artifacts.report.wording import counted

    read = f"{report.readable:,} of {counted(report.items, report.item_word)} can be read"
    lines = [f"{report.origin}: {read}, {counted(len(report.classes), 'class', 'classes')}"]
    lines += _classes(report)
    if report.size:
        sizes = (f"{name} {_numbers(size)}" for name, size in report.size.items())
        lines.append(f"{report.size_name[:1].upper()}{report.size_name[1:]}: {', '.join(sizes)}")
    if report.splits:
        lines.append("A fit would use " + ", ".join(f"{count} {split}" for split, count in report.splits.items()))
    lines += _ledger(report)
    lines += _listed("Equal once decoded", [_equal(group) for group in report.duplicates])
    lines += _listed("Nearly equal", [_near(pair) for pair in report.near])
    lines += _listed("Warning", report.warnings)
    lines += _listed("A fit would be refused", report.errors)
    return lines + _suitability(report)


def _suitability(report: CheckReport) -> list[str]:
    if report.suitability is None:
        return [f"Is transfer appropriate? Not looked at: {report.not_looked_at}"]
    from headstart.cli.suitability import suitability_lines

    return suitability_lines(report.suitability)


def _classes(report: CheckReport) -> list[str]:
    width = max((len(name) for name in report.classes), default=0)
    rows = [
        f"  {name:<{width}}  "
        + ", ".join(f"{count} {split}" if split != "none" else str(count) for split, count in counts.items())
        for name, counts in report.classes.items()
    ]
    return rows if len(rows) <= _SHOWN else [*rows[:_SHOWN], f"  and {len(rows) - _SHOWN} more classes"]


def _ledger(report: CheckReport) -> list[str]:
    ledger = report.ledger
    lines = _listed(
        f"Left out ({len(ledger['excluded'])})",
        [
            f"{entry['id']}: {entry['reason']}{': ' + entry['detail'] if entry['detail'] else ''}"
            for entry in ledger["excluded"]
        ],
    )
    lines += _listed(
        f"Passed over ({len(ledger['ignored'])})", [f"{entry['id']}: {entry['reason']}" for entry in ledger["ignored"]]
    )
    return lines + _listed("Note", ledger["notes"])


def _equal(group: list[str]) -> str:
    more = len(group) - _SHOWN_OF_GROUP
    return " = ".join(group[:_SHOWN_OF_GROUP]) + (f" and {more} more" if more > 0 else "")


def _near(pair: dict[str, object]) -> str:
    where = f" ({pair['first_split']} / {pair['second_split']})" if pair["first_split"] != pair["second_split"] else ""
    return f"{pair['first']} ~ {pair['second']}{where}"


def _listed(title: str, entries: list[str] | tuple[str, ...]) -> list[str]:
    if not entries:
        return []
    more = [f"  and {len(entries) - _SHOWN} more"] if len(entries) > _SHOWN else []
    return [title, *(f"  {entry}" for entry in entries[:_SHOWN]), *more]


def _numbers(size: list[int]) -> str:
    return " and ".join(f"{number:,}" for number in size)
