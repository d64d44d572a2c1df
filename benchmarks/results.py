"""One benchmark's outcome, and how it is shown: on the terminal, as JSON, and in ``RESULTS.md``."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FOLDER = HERE / "results"
SUMMARY = HERE / "RESULTS.md"
_HEADING = (
    "# Results\n\nWritten by `make bench`; nothing here is edited by hand. "
    "Each table names the machine it was measured on.\n"
)


@dataclass(frozen=True)
class Result:
    """What a benchmark found.

    Attributes:
        title: The question it answers.
        method: How it was measured, in a few sentences.
        columns: Headings of the table.
        rows: Its cells, ready to read.
        figures: The numbers behind it, unrounded.
        notes: What a reader must know to judge the table.
    """

    title: str
    method: str
    columns: list[str]
    rows: list[list[str]]
    figures: dict[str, Any]
    notes: list[str] = field(default_factory=list)


def save(name: str, result: Result, machine: dict[str, str]) -> None:
    """Keeps ``result`` under ``results/`` and writes the summary of everything that is there anew."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps({"machine": machine, **asdict(result)}, indent=2, ensure_ascii=False)
    (FOLDER / f"{name}.json").write_text(text + "\n")
    kept = (json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json")))
    SUMMARY.write_text("\n".join([_HEADING, *(_section(values) for values in kept)]))


def show(result: Result) -> None:
    """Draws the table on standard output."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*result.columns, title=result.title, caption="\n".join(result.notes) or None)
    for row in result.rows:
        table.add_row(*row)
    Console(file=sys.stdout, width=120).print(table)


def _section(values: dict[str, Any]) -> str:
    machine = values.pop("machine")
    result = Result(**values)
    rows = [result.columns, ["---"] * len(result.columns), *result.rows]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    notes = "\n".join(f"- {note}" for note in result.notes)
    where = "; ".join(f"{key} {value}" for key, value in machine.items() if value)
    parts = (f"## {result.title}", result.method, table, notes, f"*{where}*")
    return "\n\n".join(part for part in parts if part) + "\n"
