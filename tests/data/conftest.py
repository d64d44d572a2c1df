"""Small pictures that the tests of the data room write."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PictureWriter = Callable[..., Path]


@pytest.fixture
def write_pictures(tmp_path: Path) -> PictureWriter:
    """Writes different PNG pictures under names below a new folder, and gives the folder."""

    def write(*names: str) -> Path:
        for seed, name in enumerate(names):
            pixels = np.random.default_rng(seed).integers(0, 256, (10, 12, 3), dtype=np.uint8)
            stream = io.BytesIO()
            Image.fromarray(pixels).save(stream, "PNG")
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(stream.getvalue())
        return tmp_path

    return write
