"""How many threads torch computes with, for as long as it matters."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch


@contextlib.contextmanager
def computing_threads(count: int | None) -> Iterator[None]:
    """Computes with so many threads inside the block; ``None`` leaves them as they are."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)
