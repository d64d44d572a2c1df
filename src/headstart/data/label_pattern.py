"""Labels that stand in the names of files, read by a regular expression."""

from __future__ import annotations

import re

from headstart.core.errors import UsageError

_LABEL = "label"
_GROUP = "group"


class LabelPattern:
    r"""What a regular expression takes from the path of a file.

    The class is what its group named ``label`` matched, else its first group; one named ``group`` says what must not be
    torn apart by a split.

    Args:
        expression: As for :func:`re.search`, which finds it anywhere in a path.

    Raises:
        UsageError: It is no regular expression, or has no group that could be the label.

    Example:
        >>> LabelPattern(r"(?P<label>\d)_(?P<group>[a-z]+)_\d+\.wav$").read("train/7_jackson_12.wav")
        ('7', 'jackson')
    """

    def __init__(self, expression: str) -> None:
        try:
            self._expression = re.compile(expression)
        except re.error as error:
            raise UsageError(
                f"Expected a regular expression for labels in file names, but got {expression!r}: {error}."
            ) from error
        self._label = _place_of_label(self._expression)
        self._has_group = _GROUP in self._expression.groupindex

    def read(self, path: str) -> tuple[str, str | None] | None:
        """Label and group of a file; ``None`` where the path does not match, or the label is empty."""
        found = self._expression.search(path)
        if found is None or not found[self._label]:
            return None
        return found[self._label], (found[_GROUP] or None) if self._has_group else None


def _place_of_label(expression: re.Pattern[str]) -> int:
    named = expression.groupindex
    for place in [named[_LABEL]] if _LABEL in named else range(1, expression.groups + 1):
        if place != named.get(_GROUP):
            return place
    raise UsageError(
        f"Expected the label in parentheses, as in '([a-z]+)_\\d+', but {expression.pattern!r} has no group for it."
    )
