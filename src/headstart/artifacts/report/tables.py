"""Tables that scroll sideways on a phone and name their rows and columns for screen readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from headstart.artifacts.report import markup as h
from headstart.artifacts.report.markup import Child
from headstart.artifacts.report.record import Estimate
from headstart.artifacts.report.wording import estimate, estimate_interval


@dataclass(frozen=True, slots=True)
class Cell:
    """A table cell.

    Attributes:
        content: What stands in it.
        under: A quieter second line.
        kind: CSS classes; ``"number"`` aligns right.
        share: Length of a bar behind the content, in [0, 1].
    """

    content: Child
    under: str = ""
    kind: str = ""
    share: float | None = None


def number(content: Child, *, under: str = "", share: float | None = None) -> Cell:
    """A cell that is aligned right, with a bar behind it where ``share`` is given."""
    return Cell(content, under, "number" if share is None else "number bar", share)


def table(
    name: str,
    columns: Sequence[str | Cell],
    rows: Iterable[Sequence[str | Cell]],
    *,
    kind: str = "",
) -> Markup:
    """A table under its name; the first cell of a row is its heading.

    Args:
        name: What the table shows; it stands still while the table scrolls.
        columns: Headings; a :class:`Cell` where one is not plain text.
        rows: Cells of each row, or text.
        kind: CSS class of the table.
    """
    heads = h.tr([_cell(column, heading="col") for column in columns])
    body = [h.tr(_row(cells)) for cells in rows]
    grid = h.table(h.thead(heads), h.tbody(body), class_=kind or None, aria_label=name)
    scrolling = h.div(grid, class_="scroll", tabindex=0, role="region", aria_label=name)
    return h.div(h.p(name, class_="caption"), scrolling)


def _row(cells: Sequence[str | Cell]) -> list[Markup]:
    """A row's heading and its cells."""
    return [_cell(cell, heading="row" if index == 0 else None) for index, cell in enumerate(cells)]


def _cell(cell: str | Cell, *, heading: str | None) -> Markup:
    """One cell, a heading of its row or column where ``heading`` says so."""
    if isinstance(cell, str):
        cell = Cell(cell)
    return (h.th if heading else h.td)(
        cell.content,
        h.span(cell.under, class_="detail") if cell.under else None,
        scope=heading,
        class_=cell.kind or None,
        style=None if cell.share is None else f"--share:{cell.share:.3f}",
    )


def numbers(*names: str) -> list[str | Cell]:
    """Headings of columns that are aligned right."""
    return [number(name) for name in names]


def accuracy_cell(measured: Estimate | None) -> Cell:
    """An accuracy above its 95 % interval."""
    return number(estimate("accuracy", measured), under=estimate_interval("accuracy", measured))
