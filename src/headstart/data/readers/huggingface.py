"""``hf:NAME``, ``hf:NAME:CONFIGURATION`` and folders that ``datasets`` wrote with ``save_to_disk``.

Rows stay on disk, memory-mapped; a picture's encoded bytes are read when they are asked for.
``HF_HUB_OFFLINE`` is
respected: then only what is in the Hugging Face cache is used.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

from headstart.core.errors import DataError, UnavailableError
from headstart.data.columns import Columns
from headstart.data.items import Exclusion, Item, ItemTable, Ledger, Split
from headstart.data.readers.split_names import split_named

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


def read_huggingface(data: str, *, columns: Columns, suffixes: frozenset[str]) -> ItemTable:
    """Reads a data set through the library ``datasets``.

    Args:
        data: A name on the hub, with a configuration after a colon where it has several; or a saved folder.
        columns: Names of columns; the image column and the class column are found by their types.
        suffixes: Not used: the data set says itself what its columns are.

    Raises:
        UnavailableError: ``datasets`` is not installed, or the data set cannot be had.
        DataError: It has no image or class column.
    """
    ledger = Ledger()
    items: list[Item] = []
    for name, dataset in _open(data).items():
        split = split_named(name)
        if split is None and name not in {"all", "data"}:
            ledger.notes.append(f"The split {name!r} ({len(dataset)} rows) is none of ours and was not read.")
            continue
        chosen = _choose(dataset, columns, data)
        items += _rows(dataset, chosen, split=split, name=name, ledger=ledger)
    if not items:
        raise DataError(f"Expected labelled rows in hf:{data}, but found none in its splits. {' '.join(ledger.notes)}")
    name = Path(data.partition(":")[0]).name
    return ItemTable(name, f"hf:{data}", tuple(sorted(items, key=lambda item: item.id)), ledger)


def is_saved_dataset(folder: Path) -> bool:
    """Whether ``datasets`` wrote this folder with ``save_to_disk``."""
    return any((folder / name).is_file() for name in ("dataset_dict.json", "state.json"))


def _open(data: str) -> dict[str, Any]:
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


def _choose(dataset: Any, wanted: Columns, data: str) -> Columns:
    import datasets

    features = dataset.features
    problems = [
        f"the column {name!r} is not among {', '.join(features)}"
        for name in (wanted.item, wanted.label, wanted.group)
        if name is not None and name not in features
    ]
    item = wanted.item or next((k for k, v in features.items() if isinstance(v, datasets.Image)), None)
    label = wanted.label or next((k for k, v in features.items() if isinstance(v, datasets.ClassLabel)), None)
    label = label or next((name for name in ("label", "labels", "class") if name in features), None)
    if item is None:
        problems.append(f"no column holds pictures; there are {', '.join(features)}")
    if label is None:
        problems.append(f"no column holds classes; there are {', '.join(features)}; name one with --label-column")
    if problems:
        raise DataError.from_problems(f"Expected other columns in hf:{data}:", problems)
    return Columns(item, label, wanted.group)


def _rows(dataset: Any, columns: Columns, *, split: Split | None, name: str, ledger: Ledger) -> Iterator[Item]:
    import datasets

    item, label = str(columns.item), str(columns.label)
    encoded = dataset.cast_column(item, datasets.Image(decode=False))
    names = getattr(dataset.features[label], "names", None)
    groups = dataset[columns.group] if columns.group else None
    for row, value in enumerate(dataset[label]):
        place = f"{name}/{row:07d}"
        if value is None or (names and value < 0):
            ledger.excluded.append(Exclusion(place, "empty cell", f"nothing in {label!r}"))
            continue
        text = names[value] if names else str(value)
        group = str(groups[row]) if groups and groups[row] is not None else None
        yield Item(place, RowSource(encoded, item, row), text, group, split)
