"""The rows of a table as it lies on disk: delimited text, JSON lines or Parquet, column by column."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from headstart.core.errors import DataError
from headstart.data.items import Exclusion, Ledger


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


@dataclass(frozen=True, slots=True)
class TextRows:
    """Rows that were read as text.

    Attributes:
        path: The file.
        names: The columns as they stand in the header.
        places: Where each row begins, as people find it: ``"line 7"``.
        cells: One sequence for each row, as long as ``names``.
    """

    path: Path
    names: tuple[str, ...]
    places: Sequence[str]
    cells: Sequence[Sequence[Any]]

    def column(self, name: str) -> list[Any]:
        """All cells of one column."""
        index = self.names.index(name)
        return [row[index] for row in self.cells]


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

        cells: list[Any] = parquet.read_table(self.path, columns=[name], partitioning=None)[name].to_pylist()
        if name in self.class_names:
            known = self.class_names[name]
            return [known[cell] if cell is not None and 0 <= cell < len(known) else cell for cell in cells]
        return cells


def read_rows(path: Path, ledger: Ledger) -> Rows:
    """Reads a table by the ending of its name: CSV, TSV, TXT, JSONL or Parquet.

    Raises:
        DataError: The file is not what its name says, or is broken; the line is named.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"Expected a table with one of {', '.join(_READERS)}, but got {path}.")
    return reader(path, ledger)


def _read_csv(path: Path, ledger: Ledger) -> Rows:
    text = _decoded(path, ledger)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else _delimiter(text)
    names: tuple[str, ...] = ()
    places: list[str] = []
    cells: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for row in reader:
            begins, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in row):
                continue
            if not names:
                names = tuple(cell.strip() for cell in row)
            elif len(row) == len(names):
                places.append(f"line {begins}")
                cells.append(row)
            else:
                found = f"{len(row)} cells where the header has {len(names)}"
                ledger.excluded.append(Exclusion(f"{path.name}, line {begins}", "malformed row", found))
    except csv.Error as error:
        raise DataError(
            f"Expected {path} to be a table, but the row at line {line} cannot be read: {error}."
        ) from error
    return TextRows(path, names, places, cells)


def _read_jsonl(path: Path, ledger: Ledger) -> Rows:
    records: list[tuple[str, dict[str, Any]]] = []
    for number, line in enumerate(_decoded(path, ledger).splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"Expected every line of {path} to be JSON, but line {number} is not: {error}.") from error
        if not isinstance(record, dict):
            raise DataError(f"Expected every line of {path} to be a JSON object, but line {number} is {line[:40]!r}.")
        records.append((f"line {number}", record))
    names = tuple(dict.fromkeys(name for _, record in records for name in record))
    cells = [[record.get(name) for name in names] for _, record in records]
    return TextRows(path, names, [place for place, _ in records], cells)


def _read_parquet(path: Path, _: Ledger) -> Rows:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            schema, count = file.schema_arrow, file.metadata.num_rows
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"Expected {path} to be a Parquet file, but it cannot be opened: {error}.") from error
    places = [f"row {number}" for number in range(1, count + 1)]
    return ParquetRows(path, tuple(schema.names), places, _class_names(schema.metadata or {}))


def _class_names(metadata: dict[bytes, bytes]) -> dict[str, tuple[str, ...]]:
    """Names of classes that the ``datasets`` library writes into a Parquet file's metadata."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    except ValueError:
        return {}
    return {
        column: tuple(map(str, feature["names"]))
        for column, feature in features.items()
        if isinstance(feature, dict) and feature.get("_type") == "ClassLabel" and "names" in feature
    }


def _decoded(path: Path, ledger: Ledger) -> str:
    raw = path.read_bytes()
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\0" in raw[:4096]:
        raise DataError(f"Expected {path} to be text, but its bytes are not; it may be another kind of file.")
    else:
        encoding = "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        ledger.notes.append(f"{path.name} is not valid UTF-8 and was read as Latin-1.")
        return raw.decode("latin-1")


def _delimiter(text: str) -> str:
    """The one of ``, ; | tab`` that stands most often in the header, quoted cells aside."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    outside = "".join(header.split('"')[::2])
    return max(",;\t|", key=outside.count)


_READERS: dict[str, Callable[[Path, Ledger], Rows]] = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".txt": _read_csv,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
}
TABLE_SUFFIXES = frozenset(_READERS)
