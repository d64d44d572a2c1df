"""Where headstart keeps what it can make again: converted models and cached features."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from headstart.core.errors import UsageError

DEFAULT_LIMIT_BYTES = 20 * 1024**3
_UNITS = {"K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def cache_home() -> Path:
    """The cache folder: ``HEADSTART_CACHE``, or ``headstart`` in the user's cache folder."""
    if named := os.environ.get("HEADSTART_CACHE"):
        return Path(named).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "headstart"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "headstart"


def cache_limit() -> int:
    """The most bytes that cached features may take: ``HEADSTART_CACHE_LIMIT`` such as ``500M`` or ``20G``.

    Raises:
        UsageError: The variable is set to something that is not a size.
    """
    text = os.environ.get("HEADSTART_CACHE_LIMIT", "").strip().upper().removesuffix("B")
    if not text:
        return DEFAULT_LIMIT_BYTES
    number, unit = (text[:-1], _UNITS[text[-1]]) if text[-1] in _UNITS else (text, 1)
    try:
        return int(float(number) * unit)
    except ValueError:
        raise UsageError(
            f"Expected HEADSTART_CACHE_LIMIT to be a size such as 500M or 20G, but got {text!r}; set it again."
        ) from None
