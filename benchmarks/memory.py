"""Does memory stay flat when the data do not?"""

from __future__ import annotations

import gzip
import struct
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.fit_speed import fit
from benchmarks.results import Result
from benchmarks.settings import Settings

IMAGES = 100_000
CLASSES = 10
SIDE = 28
MOST_BYTES = 1.5e9


def measure(settings: Settings) -> Result:
    """The largest resident set of a fit in which features of 100,000 pictures are made and probed."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_idx_data(folder / "synthetic")
        fit("sklearn:digits", folder / "converting", cache=folder / "cache")
        finished = fit(str(folder / "synthetic"), folder / "run", cache=folder / "cache")
        splits = finished.json["splits"]
    size, seconds = finished.peak_bytes, finished.seconds
    return Result(
        title="Memory",
        method=(
            f"`headstart fit DATA --strategy probe --no-scratch` on {IMAGES:,} synthetic pictures of {SIDE} "
            f"× {SIDE} pixels, the model converted before; the largest resident set of the process, mapped pages "
            "included."
        ),
        columns=["images", "largest resident set", "bound", "seconds"],
        rows=[[f"{IMAGES:,}", f"{size / 1e9:.2f} GB", f"{MOST_BYTES / 1e9} GB", f"{seconds:.0f}"]],
        figures={"images": IMAGES, "peak_bytes": size, "seconds": seconds, "splits": splits},
    )


def write_idx_data(folder: Path) -> None:
    """Writes the pictures in MNIST's format, each its class's pattern under noise."""
    generator = np.random.default_rng(0)
    labels = np.arange(IMAGES, dtype=np.uint8) % CLASSES
    patterns = generator.integers(0, 160, (CLASSES, SIDE, SIDE))
    noise = generator.integers(0, 96, (IMAGES, SIDE, SIDE), dtype=np.uint8)
    folder.mkdir()
    write_idx(folder / "train-images-idx3-ubyte.gz", noise + patterns.astype(np.uint8)[labels])
    write_idx(folder / "train-labels-idx1-ubyte.gz", labels)


def write_idx(path: Path, values: NDArray[np.uint8]) -> None:
    """One array in the idx format: two zero bytes, type, number of axes, their lengths, the values."""
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, 8, values.ndim, *values.shape)
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(header + values.tobytes())
