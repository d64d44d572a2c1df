"""Several labels in one cell: separated, or as a list."""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence
from typing import Any

#: What may stand between labels. The first of them that occurs in any cell of a data set separates in all of them, so
#: that ``New York, NY;Boston`` is two labels.
SEPARATORS = (";", "|", ",")


def read_label_sets(cells: Sequence[str]) -> list[tuple[str, ...]]:
    """The labels of each cell, each once and sorted; none where a cell is empty.

    A cell that begins with ``[`` is a list in JSON's or Python's notation, which is what cells of JSON lines and
    Parquet are that hold lists.

    Args:
        cells: All cells of a data set.

    Raises:
        ValueError: A list cannot be read, or holds lists itself.

    Example:
        >>> read_label_sets(["b;a", "", "b"]), read_label_sets(["['b', 'a']", "[]"])
        ([('a', 'b'), (), ('b',)], [('a', 'b'), ()])
    """
    plain = [cell for cell in cells if not cell.lstrip().startswith("[")]
    separator = next((one for one in SEPARATORS if any(one in cell for cell in plain)), SEPARATORS[0])
    return [_set(cell, separator) for cell in cells]


def written_label_set(labels: Sequence[str]) -> str:
    """Labels as one text that :func:`read_label_sets` reads again."""
    return json.dumps(sorted(set(labels)), ensure_ascii=False)


def _set(cell: str, separator: str) -> tuple[str, ...]:
    found = _listed(cell) if cell.lstrip().startswith("[") else cell.split(separator)
    return tuple(sorted({str(label).strip() for label in found if str(label).strip()}))


def _listed(cell: str) -> list[Any]:
    try:
        found = json.loads(cell)
    except ValueError:
        try:
            found = ast.literal_eval(cell)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise ValueError(f"Expected a list of labels, but got {cell[:60]!r}") from None
    if not isinstance(found, list) or any(isinstance(label, list | tuple | dict) for label in found):
        raise ValueError(f"Expected a list of labels, but got {cell[:60]!r}")
    return [label for label in found if label is not None]
