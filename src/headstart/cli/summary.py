"""What a person reads on the terminal when a fit is done: plain lines, or the same in colour and columns."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from headstart.artifacts.report.decode import decode
from headstart.artifacts.report.record import CandidateRecord, Metrics
from headstart.artifacts.report.wording import (
    INTERRUPTED,
    counted,
    duration,
    metric_title,
    printable,
    reached,
    split_counts,
    tuning,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

_COLOURS = {"helps": "green", "hurts": "red", "no difference shown": "yellow", "not judged": "yellow"}
_STEPS_SHOWN = 4
_NAME_WIDTH = 15
_CANDIDATES_SHOWN = 8
_TUNED_SHOWN = 3
#: Text as lines; a word stays whole, and so does TF-IDF.
_wrapped = partial(textwrap.wrap, break_long_words=False, break_on_hyphens=False)


def summary_lines(metrics: Mapping[str, Any], *, width: int = 80) -> list[str]:
    """The summary of a fit as plain lines, without colour, for logs and pipes.

    Args:
        metrics: ``metrics.json``.
        width: Most characters per line; a word that is longer stays whole.

    Returns:
        The lines, without line ends.

    Raises:
        RunFolderError: ``metrics`` lacks what headstart writes.
    """
    record = decode(Metrics, metrics, "metrics.json")
    candidates = [("Validation", f"{name}: {reached}; {cost}") for name, reached, cost in _candidate_rows(record)]
    candidates += [("", hidden) for hidden in _hidden(record)]
    warnings = [("Warning", printable(warning)) for warning in record.verdict.warnings]
    verdict = _wrapped(printable(record.verdict.sentence), width)
    return [
        *_plain(_data_facts(record), width),
        *_plain(candidates, width),
        *_plain(_tuning_facts(record), width),
        *_plain([_test_fact(record)], width),
        "",
        *verdict,
        *_plain(warnings, width),
        "",
        *_plain(_end_facts(record), width),
    ]


def summary_renderable(metrics: Mapping[str, Any]) -> RenderableType:
    """The summary of a fit for a terminal: aligned columns, and the verdict in the colour of its outcome.

    Args:
        metrics: ``metrics.json``.

    Returns:
        Something that a rich console prints in whatever width it has.

    Raises:
        RunFolderError: ``metrics`` lacks what headstart writes.
    """
    from rich.console import Group
    from rich.padding import Padding
    from rich.panel import Panel
    from rich.text import Text

    record = decode(Metrics, metrics, "metrics.json")
    colour = _COLOURS[record.verdict.outcome]
    verdict = Text(printable(record.verdict.sentence), style=f"bold {colour}")
    warnings = [("Warning", printable(warning)) for warning in record.verdict.warnings]
    return Group(
        _grid(_data_facts(record)),
        Padding(_candidates_table(record), (1, 0)),
        *([_grid(facts)] if (facts := _tuning_facts(record)) else []),
        _grid([_test_fact(record)], style="bold"),
        Panel(verdict, border_style=colour, padding=(0, 1)),
        *([_grid(warnings, style="yellow")] if warnings else []),
        _grid(_end_facts(record)),
    )


def _data_facts(record: Metrics) -> list[tuple[str, str]]:
    """What was read, what was left out, and the backbone that it was given to."""
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in record.excluded_by_reason.items())
    left_out = counted(record.excluded, record.item_word) if record.excluded else "nothing"
    facts = [
        ("Data", f"{record.data.name}, {_asked(record)}"),
        ("Read", f"{counted(sum(record.splits.values()), record.item_word)}: {split_counts(record.splits)}"),
        ("Left out", f"{left_out}: {reasons}" if reasons else left_out),
        ("Backbone", record.backbone),
    ]
    return [(name, printable(value)) for name, value in facts]


def _asked(record: Metrics) -> str:
    """How many classes there are; where there are none, the task."""
    return counted(len(record.classes), "class", "classes") if record.classes else record.task


def _shown_candidates(record: Metrics) -> list[CandidateRecord]:
    """All candidates; of a long plan only its best steps."""
    steps = {step.name for step in record.decision.steps} if record.decision else set()
    tuned = [entry for entry in record.candidates if entry.name in steps]
    if len(record.candidates) <= _CANDIDATES_SHOWN or len(tuned) <= _TUNED_SHOWN:
        return list(record.candidates)
    best = sorted(tuned, key=lambda entry: (entry is not record.own, -_validation_accuracy(entry)))[:_TUNED_SHOWN]
    return [entry for entry in record.candidates if entry.name not in steps or entry in best]


def _hidden(record: Metrics) -> list[str]:
    """How many steps of a long plan are not listed."""
    hidden = len(record.candidates) - len(_shown_candidates(record))
    return [f"and {counted(hidden, 'more step')} in the report"] if hidden else []


def _candidate_rows(record: Metrics) -> list[tuple[str, str, str]]:
    """Name, what it reached on validation, and time or what went wrong, of every candidate that is listed."""
    return [
        (printable(entry.name), reached(record.leading, entry.leading("validation")), printable(_cost(entry)))
        for entry in _shown_candidates(record)
    ]


def _validation_accuracy(entry: CandidateRecord) -> float:
    """What a candidate reached on validation; below all others where it was not measured."""
    measured = entry.leading("validation")
    return -1.0 if measured is None or measured.value is None else measured.value


def _tuning_facts(record: Metrics) -> list[tuple[str, str]]:
    """What tuning came to, and whether it was cut short."""
    facts = [("Tuning", tuning(record)), ("Interrupted", INTERRUPTED if record.interrupted else "")]
    return [(name, printable(value)) for name, value in facts if value]


def _cost(entry: CandidateRecord) -> str:
    """What a candidate took, or why it is not compared with."""
    if entry.status == "ok":
        return duration(entry.seconds)
    return f"{entry.status}: {entry.detail}" if entry.detail else entry.status


def _test_fact(record: Metrics) -> tuple[str, str]:
    """The figure that counts."""
    return f"Test {metric_title(record.leading)}", reached(record.leading, record.test[record.leading])


def _end_facts(record: Metrics) -> list[tuple[str, str]]:
    """Where the time went, and where everything is."""
    steps = sorted(record.seconds.items(), key=lambda step: -step[1])[:_STEPS_SHOWN]
    slowest = ", ".join(f"{step} {duration(seconds)}" for step, seconds in steps)
    facts = [
        ("Time", f"{duration(sum(record.seconds.values()))}: {slowest}"),
        ("Run", record.run or ""),
        ("Report", record.report or ""),
    ]
    return [(name, printable(value)) for name, value in facts if value]


def _plain(facts: Sequence[tuple[str, str]], width: int) -> list[str]:
    """Facts in two columns, long ones on several lines."""
    lines = []
    for name, value in facts:
        start = f"{name:<{_NAME_WIDTH - 1}} "
        lines += _wrapped(value, width, initial_indent=start, subsequent_indent=" " * _NAME_WIDTH)
    return lines


def _grid(facts: Sequence[tuple[str, str]], *, style: str = "") -> RenderableType:
    """Facts in two columns, with quiet names; values are text and never rich markup."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=_NAME_WIDTH - 1)
    grid.add_column(overflow="fold")
    for name, value in facts:
        grid.add_row(Text(name, style="dim"), Text(value, style=style))
    return grid


def _candidates_table(record: Metrics) -> RenderableType:
    """What each candidate reached on validation; grey where it is not compared with."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for heading in ("Candidate", f"Validation {metric_title(record.leading)}", "Time"):
        table.add_column(heading)
    for entry, cells in zip(_shown_candidates(record), _candidate_rows(record), strict=True):
        colour = "green" if entry.kind == "transfer" else ""
        table.add_row(*(Text(cell) for cell in cells), style=colour if entry.status == "ok" else "dim")
    for hidden in _hidden(record):
        table.add_row(Text(hidden), style="dim")
    return table
