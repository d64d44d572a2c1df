"""The column options of several verbs as one value."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headstart.data.columns import Columns


def named_columns(
    item: str | None = None,
    label: str | None = None,
    group: str | None = None,
    split: str | None = None,
    second: str | None = None,
    pattern: str | None = None,
) -> Columns | None:
    """The columns that the user named, or the pattern of file names; ``None`` where there is none."""
    from headstart.data.columns import Columns

    named = Columns(item=item, second=second, label=label, group=group, split=split, pattern=pattern)
    return None if named == Columns() else named
