"""``sklearn:digits``: the pictures that ship inside scikit-learn, read without importing it."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path

import numpy as np

from headstart.core.errors import UnavailableError, UnknownNameError
from headstart.data.columns import Columns
from headstart.data.items import ArraySource, Item, ItemTable, Ledger
from headstart.data.readers.wanted import Wanted

BUNDLED = ("digits",)
_BRIGHTEST = 16


def read_sklearn(data: str, *, columns: Columns, wanted: Wanted) -> ItemTable:
    """Reads scikit-learn's handwritten digits: 1,797 grey pictures of 8 × 8 (Alpaydin and Kaynak, 1998).

    Greys from 0 to 16 become ``round(255 v / 16)``, so that ink stays ink, 0 and 16 become 0 and 255, and
    every value can be told from every other.

    Args:
        data: ``"digits"``.
        columns: Must be empty.
        wanted: Not used.

    Raises:
        UnknownNameError: Another name: the other sets in scikit-learn hold no pictures, or are fetched.
        UnavailableError: scikit-learn is not installed.
    """
    columns.refuse_for(f"sklearn:{data}")
    if data not in BUNDLED:
        raise UnknownNameError("picture set that scikit-learn ships", data, BUNDLED)
    with gzip.open(_package() / "datasets" / "data" / "digits.csv.gz", "rt") as stream:
        table = np.loadtxt(stream, delimiter=",", dtype=np.uint16)
    greys = ((table[:, :-1] * 255 + _BRIGHTEST // 2) // _BRIGHTEST).astype(np.uint8).reshape(-1, 8, 8)
    items = tuple(
        Item(f"digits/{number:04d}", ArraySource(picture), str(label))
        for number, (picture, label) in enumerate(zip(greys, table[:, -1].tolist(), strict=True))
    )
    return ItemTable("digits", f"sklearn:{data}", items, Ledger())


def _package() -> Path:
    found = importlib.util.find_spec("sklearn")
    if found is None or found.origin is None:
        raise UnavailableError(
            "sklearn:digits needs the package 'scikit-learn', which is not installed; pip install scikit-learn"
        )
    return Path(found.origin).parent
