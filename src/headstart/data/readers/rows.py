"""The rows of a table, column by column, wherever they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

#: So many cells show what a column holds.
HEAD = 200


class Rows(Protocol):
    """A table whose columns are read when they are asked for."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def names(self) -> tuple[str, ...]:
        """The columns as they stand in the header."""

    @property
    def places(self) -> Sequence[str]:
        """Where each row begins, as people find it: ``"line 7"``."""

    def column(self, name: str) -> list[Any]:
        """All cells of one column, in the order of ``places``."""

    def head(self, name: str) -> list[Any]:
        """The first :data:`HEAD` cells of one column."""


@dataclass(frozen=True, slots=True)
class TextRows:
    """Rows that were read as text.

    Attributes:
        path: The file.
        names: The columns as they stand in the header.
        places: Where each row begins, as people find it: ``"line 7"``.
        cells: One sequence for each row, as long as ``names``.
        header: Where the row stands that the names were taken from; empty where every row names its columns.
    """

    path: Path
    names: tuple[str, ...]
    places: Sequence[str]
    cells: Sequence[Sequence[Any]]
    header: str = ""

    def column(self, name: str) -> list[Any]:
        """All cells of one column."""
        index = self.names.index(name)
        return [row[index] for row in self.cells]

    def head(self, name: str) -> list[Any]:
        """The first cells of one column."""
        index = self.names.index(name)
        return [row[index] for row in self.cells[:HEAD]]


@dataclass(frozen=True, slots=True)
class ParquetRows:
    """Rows of a Parquet file; a column is read from disk when it is asked for."""

    path: Path
    names: tuple[str, ...]
    places: Sequence[str]
    class_names: dict[str, tuple[str, ...]]

    def column(self, name: str) -> list[Any]:
        """All cells of one column; numbers of classes become their names where the file knows them."""
        from pyarrow import parquet

        return self._named(name, parquet.read_table(self.path, columns=[name], partitioning=None)[name].to_pylist())

    def head(self, name: str) -> list[Any]:
        """The first cells of one column; no others are read."""
        from pyarrow import parquet

        with parquet.ParquetFile(self.path) as file:
            first = next(file.iter_batches(batch_size=HEAD, columns=[name]), None)
            return self._named(name, first.column(0).to_pylist() if first is not None else [])

    def _named(self, name: str, cells: list[Any]) -> list[Any]:
        if name not in self.class_names:
            return cells
        known = self.class_names[name]
        return [known[cell] if cell is not None and 0 <= cell < len(known) else cell for cell in cells]
