"""From a table's file to its rows: delimited text, JSON lines or Parquet, by the ending of its name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headstart.core.errors import DataError
from headstart.data.items import Ledger
from headstart.data.readers.delimited import read_delimited
from headstart.data.readers.rows import ParquetRows, Rows, TextRows
from headstart.data.readers.text_files import open_text


def read_rows(path: Path, ledger: Ledger) -> Rows:
    """Reads a table by the ending of its name: CSV, TSV, TXT, JSONL or Parquet.

    Raises:
        DataError: The file is not what its name says, or is broken; the line is named.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"Expected a table with one of {', '.join(_READERS)}, but got {path}.")
    return reader(path, ledger)


def _read_jsonl(path: Path, ledger: Ledger) -> Rows:
    records: list[tuple[str, dict[str, Any]]] = []
    with open_text(path, ledger) as stream:
        for number, line in enumerate(stream, 1):
            if line.strip():
                records.append((f"line {number}", _record(path, number, line)))
    names = tuple(dict.fromkeys(name for _, record in records for name in record))
    cells = [[record.get(name) for name in names] for _, record in records]
    return TextRows(path, names, [place for place, _ in records], cells)


def _record(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"Expected every line of {path} to be JSON, but line {number} is not: {error}.") from error
    if not isinstance(record, dict):
        raise DataError(f"Expected every line of {path} to be a JSON object, but line {number} is {line[:40]!r}.")
    return record


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


_READERS: dict[str, Callable[[Path, Ledger], Rows]] = {
    ".csv": read_delimited,
    ".tsv": read_delimited,
    ".txt": read_delimited,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
}
TABLE_SUFFIXES = frozenset(_READERS)
