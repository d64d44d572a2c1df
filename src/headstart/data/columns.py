"""What the user has said of where labels and the like stand: in which columns of a table, or in the names of files."""

from __future__ import annotations

from dataclasses import dataclass

from headstart.core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of a table's columns; ``None`` leaves the choice to the reader.

    Attributes:
        item: The content itself or the path to it.
        label: The class name.
        group: What must not be torn apart by a split: a patient, a camera, a writer.
        split: Where the data's owner put each row.
        second: The second text of a pair.
        pattern: In place of columns, for a folder of files: a regular expression that finds the class in a path; see
            :class:`headstart.data.label_pattern.LabelPattern`.
        empty: What an empty cell of labels says; ``None`` where it says nothing, and its row is left out.

    Example:
        >>> Columns(label="species").label
        'species'
    """

    item: str | None = None
    label: str | None = None
    group: str | None = None
    split: str | None = None
    second: str | None = None
    pattern: str | None = None
    empty: str | None = None

    def refuse_for(self, data: str) -> None:
        """Refuses columns where there is no table, and a pattern where names of files say nothing.

        Raises:
            UsageError: A column is named although ``data`` has none, or a pattern is given.
        """
        named = [name for name in (self.item, self.label, self.group, self.split, self.second) if name is not None]
        if named:
            raise UsageError(
                f"Expected a table where columns are named ({', '.join(map(repr, named))}), but {data} has "
                "no columns; name the table's own file, or leave the columns out."
            )
        if self.pattern is not None:
            raise UsageError(
                f"Expected a folder of files where a pattern finds labels in their names ({self.pattern!r}), but got "
                f"{data}; leave the pattern out, and name a table's column of labels where it has one."
            )
