"""Tables that hold measurements and nothing to perceive: no path, no text, only numbers and categories.

A pretrained network brings what it has learned of pictures, texts or sounds. The columns of such a table mean something
in this table alone, so there is nothing to transfer; trees on the columns themselves are hard to beat (Grinsztajn,
Oyallon & Varoquaux, "Why do tree-based models still outperform deep learning on typical tabular data?", NeurIPS 2022).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from headstart.data.readers.rows import Rows

Kind = Literal["numbers", "categories", "files", "text", "nothing"]

#: Words per cell from which on a column counts as text: a sentence, a headline, a review.
WORDS_OF_TEXT = 5
_ENDS_LIKE_A_FILE = re.compile(r"[^\s.]\.[A-Za-z][A-Za-z0-9]{1,4}$")


def tabular_refusal(rows: Rows) -> str | None:
    """Why a table without a column of items has none; ``None`` where it may have text or files in some column.

    Args:
        rows: The table.
    """
    kinds = Counter(column_kind(rows.head(name)) for name in rows.names)
    if not kinds["numbers"] or kinds["files"] or kinds["text"]:
        return None
    columns = ", ".join(f"{kinds[kind]} of {kind}" for kind in ("numbers", "categories") if kinds[kind])
    return (
        f"Expected {rows.path} to have a column of paths, texts or sounds, but found a table of numbers "
        f"({len(rows.places)} rows; columns: {columns}). Pretrained perception does not apply to it: no pretrained "
        "model has seen what these columns mean. Try gradient-boosted trees, such as scikit-learn's "
        "HistGradientBoostingClassifier. If the numbers are pixels, save the pictures as files in class folders."
    )


def column_kind(cells: Sequence[Any]) -> Kind:
    """What a column holds, by its first cells.

    Example:
        >>> column_kind(["5.1", "4.9", ""]), column_kind(["setosa", "virginica"]), column_kind(["a/b.wav", "c.wav"])
        ('numbers', 'categories', 'files')
        >>> column_kind(["A quiet, slow and beautiful film.", "I left after the first hour of it."])
        'text'
    """
    filled = [cell for cell in cells if cell is not None and str(cell).strip()]
    if not filled:
        return "nothing"
    if all(map(_is_number, filled)):
        return "numbers"
    if not all(isinstance(cell, str | bool) for cell in filled):
        return "files"  # bytes, or a record with bytes or a path in it
    texts = [str(cell).strip() for cell in filled]
    if all(map(ends_like_a_file, texts)):
        return "files"
    return "text" if words_per_cell(texts) >= WORDS_OF_TEXT else "categories"


def ends_like_a_file(text: str) -> bool:
    """Whether a text ends as names of files do.

    Example:
        >>> ends_like_a_file("photo.jpg"), ends_like_a_file("good."), ends_like_a_file("8.5")
        (True, False, False)
    """
    return _ENDS_LIKE_A_FILE.search(text) is not None


def words_per_cell(cells: Sequence[Any]) -> float:
    """How many words a cell has on average; empty ones aside."""
    counts = [len(str(cell).split()) for cell in cells if cell is not None and str(cell).strip()]
    return sum(counts) / max(1, len(counts))


def _is_number(cell: Any) -> bool:
    if isinstance(cell, bytes | bool):
        return False
    try:
        float(cell)
    except (TypeError, ValueError):
        return False
    return True
