"""Choosing a table's columns: what the user named, else what their names and cells suggest."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from headstart.core.errors import DataError, UnlabelledError
from headstart.data.columns import Columns
from headstart.data.readers.column_names import (
    GROUP_NAMES,
    LABEL_NAMES,
    PAIR_NAMES,
    PATH_NAMES,
    SPLIT_NAMES,
    TEXT_NAMES,
)
from headstart.data.readers.header import looks_like_labels, looks_like_path
from headstart.data.readers.rows import Rows
from headstart.data.readers.tabular import column_kind, tabular_refusal, words_per_cell
from headstart.data.readers.wanted import Wanted


def choose_columns(rows: Rows, named: Columns, wanted: Wanted) -> Columns:
    """The columns to read; that of the items is always there, the others where they exist.

    Labels are what the user or a known name says; in a table of texts, or one without a header, also the only other
    column of few values. Texts are what a known name says, else the column with most words.

    Args:
        rows: The table.
        named: What the user named.
        wanted: What counts as an item.

    Raises:
        DataError: A named column is not there or is there twice; or there is no column of items; or the table holds
            numbers.
    """
    problems = _problems_of_names(rows, named, wanted)
    if problems:
        raise DataError.from_problems(f"Expected other columns in {rows.path}:", problems)
    group = named.group or first_name(rows.names, GROUP_NAMES)
    split = named.split or first_name(rows.names, SPLIT_NAMES)
    label = named.label or first_name(rows.names, LABEL_NAMES)
    item, second = _item_columns(rows, named, wanted, taken={group, split, label})
    if item is None:
        raise DataError(_no_items(rows, wanted))
    if label is None and (wanted.in_cells or _is_numbered(rows)):
        label = _only_column_of_labels(rows, taken={item, second, group, split})
    return Columns(item=item, label=label, group=group, split=split, second=second)


def require_label(rows: Rows, chosen: Columns) -> None:
    """Refuses columns without labels.

    Raises:
        UnlabelledError: No column of labels was named or found.
    """
    if chosen.label is None:
        raise UnlabelledError(
            f"Expected a column of labels in {rows.path}, such as label or class, but its columns are "
            f"{listed(rows.names)}; name it with --label-column."
        )


def first_name(names: Iterable[str], candidates: Iterable[str]) -> str | None:
    """The first of the candidates that is among the names, as it is written there."""
    lowered = {name.lower(): name for name in reversed(list(names))}
    return next((lowered[name] for name in candidates if name in lowered), None)


def text_columns(names: Iterable[str]) -> tuple[str | None, str | None]:
    """Columns of a pair of texts or of one text, by their names.

    Example:
        >>> text_columns(["id", "Premise", "Hypothesis", "label"]), text_columns(["id", "Review"])
        (('Premise', 'Hypothesis'), ('Review', None))
    """
    lowered = {name.lower(): name for name in names}
    for first, second in PAIR_NAMES:
        if first in lowered and second in lowered:
            return lowered[first], lowered[second]
    return first_name(lowered.values(), TEXT_NAMES), None


def listed(names: Iterable[str], most: int = 12) -> str:
    """Names for a message."""
    every = list(names)
    shown = ", ".join(map(repr, every[:most]))
    return f"{shown} and {len(every) - most} more" if len(every) > most else shown or "none"


def _problems_of_names(rows: Rows, named: Columns, wanted: Wanted) -> list[str]:
    purposes = [
        ("items", named.item),
        ("second texts", named.second),
        ("labels", named.label),
        ("groups", named.group),
        ("splits", named.split),
    ]
    problems = []
    for purpose, name in purposes:
        if name is not None and name not in rows.names:
            near = difflib.get_close_matches(name, rows.names, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            problems.append(f"the column for {purpose}, {name!r}, is not among {listed(rows.names)}{hint}")
    for name in dict.fromkeys(name for _, name in purposes if name is not None):
        alike = " and for ".join(purpose for purpose, other in purposes if other == name)
        if " and for " in alike:
            problems.append(f"the column {name!r} cannot be for {alike} alike; name another one")
    if named.second is not None and not wanted.in_cells:
        problems.append(f"a second column, {named.second!r}, is for pairs of texts; leave it out")
    used = {*(name for _, name in purposes), *PATH_NAMES, *TEXT_NAMES, *LABEL_NAMES, *SPLIT_NAMES}
    problems += [
        f"the header has {name!r} {count} times; give each column a name of its own"
        for name, count in Counter(rows.names).items()
        if count > 1 and name in used
    ]
    return problems


def _item_columns(
    rows: Rows, named: Columns, wanted: Wanted, *, taken: Collection[str | None]
) -> tuple[str | None, str | None]:
    if named.item is not None or named.second is not None:
        return named.item or _most_words(rows, {*taken, named.second}), named.second
    if not wanted.in_cells:
        return first_name(rows.names, PATH_NAMES) or _column_of_paths(rows, wanted.suffixes), None
    item, second = text_columns(name for name in rows.names if name not in taken)
    return item or _most_words(rows, taken), second


def _column_of_paths(rows: Rows, suffixes: frozenset[str]) -> str | None:
    """The first column whose first cells all look like files of the expected kind."""
    for name in rows.names:
        cells = [cell for cell in rows.head(name)[:20] if cell]
        if cells and all(looks_like_path(cell, suffixes) for cell in cells):
            return name
    return None


def _most_words(rows: Rows, taken: Collection[str | None]) -> str | None:
    """The column with most words in its first cells; ``None`` where all are numbers or something else."""
    words: dict[str, float] = {}
    for name in rows.names:
        cells: list[Any] = rows.head(name) if name not in taken else []
        if column_kind(cells) in {"text", "categories"}:
            words[name] = words_per_cell(cells)
    return max(words, key=words.__getitem__) if words else None


def _only_column_of_labels(rows: Rows, taken: Collection[str | None]) -> str | None:
    others = [name for name in rows.names if name not in taken]
    if len(others) == 1 and _is_numbered(rows):
        return others[0]
    found = [name for name in others if looks_like_labels(rows.column(name))]
    return found[0] if len(found) == 1 else None


def _is_numbered(rows: Rows) -> bool:
    return bool(rows.names) and rows.names[0] == "column 1"


def _no_items(rows: Rows, wanted: Wanted) -> str:
    expected = "texts, such as text or sentence" if wanted.in_cells else "paths, such as file_name or path"
    return tabular_refusal(rows) or (
        f"Expected a column of {expected}, in {rows.path}, but its columns are {listed(rows.names)}; "
        "name it with --item-column."
    )
