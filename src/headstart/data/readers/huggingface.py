"""``hf:NAME``, ``hf:NAME:CONFIGURATION`` and folders that ``datasets`` wrote with ``save_to_disk``.

Rows stay on disk, memory-mapped; encoded bytes, or a text, are read when they are asked for. ``HF_HUB_OFFLINE`` is
respected: then only what is in the Hugging Face cache is used.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from headstart.core.errors import DataError, UnavailableError
from headstart.data.columns import Columns
from headstart.data.items import Exclusion, Item, ItemTable, Ledger, Source, Split
from headstart.data.readers.column_choice import first_name, text_columns
from headstart.data.readers.column_names import LABEL_NAMES
from headstart.data.readers.rows import HEAD
from headstart.data.readers.split_names import split_named
from headstart.data.readers.tabular import words_per_cell
from headstart.data.readers.wanted import Wanted
from headstart.data.texts import text_content

_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class RowSource:
    """One cell of a memory-mapped data set, read when it is asked for."""

    dataset: Any
    column: str
    row: int

    def read(self) -> bytes:
        """The encoded bytes."""
        cell = self.dataset[self.row][self.column]
        return bytes(cell["bytes"]) if cell["bytes"] is not None else Path(cell["path"]).read_bytes()


@dataclass(frozen=True, slots=True, eq=False)
class TextSource:
    """A text, or a pair of texts, of a memory-mapped data set, read when it is asked for."""

    dataset: Any
    columns: tuple[str, ...]
    row: int

    def read(self) -> bytes:
        """The text; nothing where a cell is empty."""
        cells = self.dataset[self.row]
        return text_content(*(str(cells[name] or "") for name in self.columns))


def read_huggingface(data: str, *, columns: Columns, wanted: Wanted) -> ItemTable:
    """Reads a data set through the library ``datasets``.

    Args:
        data: A name on the hub, with a configuration after a colon where it has several; or a saved folder.
        columns: Names of columns; those of items and classes are found by their types, texts by their names too.
        wanted: What counts as an item.

    Raises:
        UnavailableError: ``datasets`` is not installed, or the data set cannot be had.
        DataError: It has no column of items or classes.
    """
    ledger = Ledger()
    items: list[Item] = []
    for name, dataset in open_splits(data).items():
        split = split_named(name)
        if split is None and name not in {"all", "data"}:
            ledger.notes.append(f"The split {name!r} ({len(dataset)} rows) is none of ours and was not read.")
            continue
        chosen = _choose(dataset, columns, wanted, data)
        items += _rows(dataset, chosen, wanted, split=split, name=name, ledger=ledger)
    if not items:
        raise DataError(f"Expected labelled rows in hf:{data}, but found none in its splits. {' '.join(ledger.notes)}")
    name = Path(data.partition(":")[0]).name
    return ItemTable(name, f"hf:{data}", tuple(sorted(items, key=lambda item: item.id)), ledger)


def is_saved_dataset(folder: Path) -> bool:
    """Whether ``datasets`` wrote this folder with ``save_to_disk``."""
    return any((folder / name).is_file() for name in ("dataset_dict.json", "state.json"))


def open_splits(data: str) -> dict[str, Any]:
    """The splits of a data set by name, as ``datasets`` has them.

    Raises:
        UnavailableError: ``datasets`` is not installed, or the data set cannot be had.
    """
    try:
        import datasets
    except ImportError:
        raise UnavailableError.missing_extra(f"hf:{data}", module="datasets", extra="hf") from None
    try:
        if Path(data).is_dir():
            found = datasets.load_from_disk(data)
        else:
            name, _, configuration = data.partition(":")
            with nullcontext() if _hub_answers() else _offline():
                found = datasets.load_dataset(name, configuration or None)
    except (OSError, ValueError, RuntimeError) as error:
        raise UnavailableError(
            f"Expected to get the data set hf:{data}, but {type(error).__name__}: "
            f"{str(error).splitlines()[0].rstrip('.')}. Check its name and the connection, or give a local copy."
        ) from error
    return dict(found) if isinstance(found, dict) else {str(found.split or "all"): found}


def _hub_answers() -> bool:
    """Whether the hub can be reached: its own client would retry for half a minute before it says so."""
    from huggingface_hub import constants

    endpoint = urlsplit(constants.ENDPOINT)
    if constants.HF_HUB_OFFLINE or getproxies().get(endpoint.scheme):
        return True  # nothing is asked for, or the proxy decides
    try:
        socket.create_connection((endpoint.hostname, endpoint.port or 443), timeout=_PATIENCE_SECONDS).close()
    except OSError:
        return False
    return True


@contextmanager
def _offline() -> Iterator[None]:
    """As with ``HF_HUB_OFFLINE``: what is in the Hugging Face cache is used, and nothing is asked for."""
    import datasets
    from huggingface_hub import constants

    before = datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE = before


def columns_of_items(features: Mapping[str, Any], wanted: Wanted) -> list[str]:
    """The columns whose type is that of the wanted items."""
    return [name for name, feature in features.items() if wanted.feature in {_type(feature), _scalar(feature)}]


def _type(feature: Any) -> str:
    return type(feature).__name__


def _scalar(feature: Any) -> str:
    """What a column of single values holds, ``"string"``; empty for others."""
    return str(getattr(feature, "dtype", "")).removeprefix("large_") if _type(feature) == "Value" else ""


def _choose(dataset: Any, named: Columns, wanted: Wanted, data: str) -> Columns:
    features = dataset.features
    problems = [
        f"the column {name!r} is not among {', '.join(features)}"
        for name in (named.item, named.second, named.label, named.group)
        if name is not None and name not in features
    ]
    label = named.label or next((name for name, feature in features.items() if _type(feature) == "ClassLabel"), None)
    label = label or first_name(features, LABEL_NAMES)
    fitting = [name for name in columns_of_items(features, wanted) if name not in {label, named.group}]
    first, second = _text_columns(dataset, fitting) if wanted.in_cells else (next(iter(fitting), None), None)
    item = named.item or first
    if item is None:
        problems.append(f"no column is of the type {wanted.feature}; there are {', '.join(features)}")
    if label is None:
        problems.append(f"no column holds classes; there are {', '.join(features)}; name one with --label-column")
    if problems:
        raise DataError.from_problems(f"Expected other columns in hf:{data}:", problems)
    second = named.second or (second if item == first else None)
    return Columns(item, label, named.group, second=second, empty=named.empty)


def _text_columns(dataset: Any, names: list[str]) -> tuple[str | None, str | None]:
    """By their names, else the one with most words in its first cells."""
    first, second = text_columns(names)
    if first is None and names:
        cells = dataset.select_columns(names)[:HEAD]
        first = max(names, key=lambda name: words_per_cell(cells[name]))
    return first, second


def _rows(
    dataset: Any, columns: Columns, wanted: Wanted, *, split: Split | None, name: str, ledger: Ledger
) -> Iterator[Item]:
    label = str(columns.label)
    source = _sources(dataset, columns, wanted)
    names = getattr(dataset.features[label], "names", None)
    groups = dataset[columns.group] if columns.group else None
    for row, value in enumerate(dataset[label]):
        place = f"{name}/{row:07d}"
        if (value is None and columns.empty is None) or (value is not None and names and value < 0):
            ledger.excluded.append(Exclusion(place, "empty cell", f"nothing in {label!r}"))
            continue
        text = columns.empty if value is None else names[value] if names else str(value)
        group = str(groups[row]) if groups and groups[row] is not None else None
        yield Item(place, source(row), text, group, split)


def _sources(dataset: Any, columns: Columns, wanted: Wanted) -> Callable[[int], Source]:
    """From a row's number to where its content comes from."""
    item = str(columns.item)
    if wanted.in_cells:
        names = tuple(name for name in (item, columns.second) if name is not None)
        texts = dataset.select_columns(list(names))
        return lambda row: TextSource(texts, names, row)
    encoded = dataset.cast_column(item, type(dataset.features[item])(decode=False))
    return lambda row: RowSource(encoded, item, row)
