"""Choosing a table's columns: what the user named, else what their names and first cells suggest."""

from __future__ import annotations

import difflib
from collections import Counter
from pathlib import PurePosixPath
from typing import Any

from headstart.core.errors import DataError
from headstart.data.columns import Columns
from headstart.data.readers.rows import Rows
from headstart.data.readers.tabular import tabular_refusal

_ITEM_NAMES = (
    "file_name", "filename", "file", "path", "filepath", "file_path", "image", "img", "image_path",
    "image_file",
)  # fmt: skip
_LABEL_NAMES = ("label", "class", "category", "target", "labels", "class_name")
_GROUP_NAMES = ("group", "group_id")
_SPLIT_NAMES = ("split", "subset", "partition")


def choose_columns(rows: Rows, wanted: Columns, suffixes: frozenset[str]) -> Columns:
    """The columns to read; item and label are always there, group and split where they exist.

    Args:
        rows: The table.
        wanted: What the user named.
        suffixes: Kinds of files that count as items; they tell a column of paths from others.

    Raises:
        DataError: A named column is not there or is there twice; or there is no column of items or labels; or
            the table holds numbers.
    """
    if any(_looks_like_path(name, suffixes) for name in rows.names):
        raise DataError(
            f"Expected the first row of {rows.path} to name the columns, but it looks like data "
            f"({_listed(rows.names)}); put a line such as file_name,label above it."
        )
    problems = _problems_of_names(rows, wanted)
    if problems:
        raise DataError.from_problems(f"Expected other columns in {rows.path}:", problems)
    chosen = Columns(
        item=wanted.item or _first(rows, _ITEM_NAMES) or _column_of_paths(rows, suffixes),
        label=wanted.label or _first(rows, _LABEL_NAMES),
        group=wanted.group or _first(rows, _GROUP_NAMES),
        split=wanted.split or _first(rows, _SPLIT_NAMES),
    )
    if chosen.item is None:
        raise DataError(_no_items(rows))
    if chosen.label is None:
        raise DataError(
            f"Expected a column of labels in {rows.path}, such as label or class, but its columns are "
            f"{_listed(rows.names)}; name it with --label-column."
        )
    return chosen


def _problems_of_names(rows: Rows, wanted: Columns) -> list[str]:
    problems = []
    for purpose, name in [
        ("items", wanted.item),
        ("labels", wanted.label),
        ("groups", wanted.group),
        ("splits", wanted.split),
    ]:
        if name is None:
            continue
        if name not in rows.names:
            near = difflib.get_close_matches(name, rows.names, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            problems.append(f"the column for {purpose}, {name!r}, is not among {_listed(rows.names)}{hint}")
    counts = Counter(rows.names)
    used = {wanted.item, wanted.label, wanted.group, wanted.split, *_ITEM_NAMES, *_LABEL_NAMES, *_SPLIT_NAMES}
    problems += [
        f"the header has {name!r} {count} times; give each column a name of its own"
        for name, count in counts.items()
        if count > 1 and name in used
    ]
    return problems


def _first(rows: Rows, candidates: tuple[str, ...]) -> str | None:
    lowered = {name.lower(): name for name in reversed(rows.names)}
    return next((lowered[name] for name in candidates if name in lowered), None)


def _column_of_paths(rows: Rows, suffixes: frozenset[str]) -> str | None:
    """The first column whose first cells all look like files of the expected kind."""
    for name in rows.names:
        cells = [cell for cell in rows.column(name)[:20] if cell]
        if cells and all(_looks_like_path(cell, suffixes) for cell in cells):
            return name
    return None


def _looks_like_path(cell: Any, suffixes: frozenset[str]) -> bool:
    return isinstance(cell, str) and PurePosixPath(cell.replace("\\", "/")).suffix.lower() in suffixes


def _no_items(rows: Rows) -> str:
    return tabular_refusal(rows) or (
        f"Expected a column of paths in {rows.path}, such as file_name or path, but its columns are "
        f"{_listed(rows.names)}; name it with --image-column."
    )


def _listed(names: tuple[str, ...], most: int = 12) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown or "none"
