"""Whether anything may be asked for over the network."""

from __future__ import annotations

import os

_SWITCHES = ("HEADSTART_OFFLINE", "HF_HUB_OFFLINE")


def offline_switch() -> str:
    """The environment variable that says to stay offline; empty where none does."""
    return next((name for name in _SWITCHES if os.environ.get(name, "").upper() in {"1", "ON", "YES", "TRUE"}), "")
