"""Paths that come out of a table are input from outside: they may not lead out of the table's folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

_URL = re.compile(r"([a-z][a-z0-9+.-]+://|(data|file):)", re.IGNORECASE)
_ABSOLUTE = re.compile(r"[/\\]|[a-z]:[/\\]", re.IGNORECASE)


class ConfinedFolder:
    """A folder whose relative paths are looked up without ever leaving it.

    Args:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._real_root = os.path.realpath(root)
        self._real_parents: dict[str, str] = {}

    def refusal(self, value: str) -> str | None:
        """Why ``value`` may not be opened; ``None`` where it may (it need not exist)."""
        if _URL.match(value):
            return "is a URL, and nothing is fetched from a table"
        if _ABSOLUTE.match(value):
            return "is an absolute path"
        if "\0" in value:
            return "holds a zero byte"
        parts = value.replace("\\", "/")
        if ".." in parts and os.path.normpath(parts).split("/")[0] == "..":
            return "leads out of the folder"
        return self._refusal_of_links(self.path(value))

    def path(self, value: str) -> str:
        """Where ``value`` lies; backslashes separate folders where no such file is there as it stands."""
        path = f"{self._root}/{value}"
        if "\\" in value and not os.path.exists(path):  # noqa: PTH110 - a Path for each row is slow
            path = f"{self._root}/{value}".replace("\\", "/")
        return path

    def _refusal_of_links(self, path: str) -> str | None:
        parent, name = os.path.split(path)
        if parent not in self._real_parents:
            self._real_parents[parent] = os.path.realpath(parent)
        real = f"{self._real_parents[parent]}/{name}"
        if name == ".." or os.path.islink(real):  # noqa: PTH114
            real = os.path.realpath(real)
        if real != self._real_root and not real.startswith(self._real_root + os.sep):
            return f"is a link out of the folder, to {real}"
        return None
