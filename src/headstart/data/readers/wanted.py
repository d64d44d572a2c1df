"""What a reader has to know of the kind of data that it looks for."""

from __future__ import annotations

from typing import Protocol


class Wanted(Protocol):
    """What counts as an item; a :class:`headstart.data.modality.Modality` says so."""

    @property
    def suffixes(self) -> frozenset[str]:
        """Endings of the names of files that are items, in lower case with the dot."""

    @property
    def in_cells(self) -> bool:
        """Whether a table's cell holds the item itself and not a path to it."""

    @property
    def feature(self) -> str:
        """The type of a column of items in a data set of the library ``datasets``: ``"Image"``."""

    @property
    def literal(self) -> bool:
        """Whether what names no file is the item itself when it is to be predicted."""
