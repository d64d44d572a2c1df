"""Which columns of a table mean what, as far as the user has said so."""

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

    Example:
        >>> Columns(label="species").label
        'species'
    """

    item: str | None = None
    label: str | None = None
    group: str | None = None
    split: str | None = None
    second: str | None = None

    def refuse_for(self, data: str) -> None:
        """Refuses columns where there is no table.

        Raises:
            UsageError: A column is named although ``data`` has none.
        """
        named = [name for name in (self.item, self.label, self.group, self.split, self.second) if name is not None]
        if named:
            raise UsageError(
                f"Expected a table where columns are named ({', '.join(map(repr, named))}), but {data} has "
                "no columns; name the table's own file, or leave the columns out."
            )
