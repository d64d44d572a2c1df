"""A file of weights that is on this machine and is what it claims to be."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from headstart.backbones.card import WeightsFile
from headstart.core.files import sha256_file


@dataclass(frozen=True, slots=True)
class Pin:
    """A hash that a file must have.

    Attributes:
        digest: In hexadecimal, whole or its beginning.
        said_by: Who says so: ``"its name"``, ``"the hub"``.
        advice: What to do where it differs; empty where there is nothing to do but to do without.
        algorithm: Whose hash it is; md5 only where somebody names no better one.
    """

    digest: str
    said_by: str
    advice: str = ""
    algorithm: Literal["sha256", "md5"] = "sha256"


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file whose hash was taken just now.

    Attributes:
        path: Where it lies; not to be written to.
        origin: What it was asked for by: an address, or ``hub:OWNER/NAME@COMMIT/FILE``.
        sha256: Of the whole file, in hexadecimal.
        bytes: Its size.
    """

    path: Path
    origin: str
    sha256: str
    bytes: int

    @classmethod
    def hashed(cls, path: Path, origin: str) -> FetchedFile:
        """A file as it lies there now."""
        return cls(path, origin, sha256_file(path), path.stat().st_size)

    def facts(self) -> WeightsFile:
        """What a backbone's card keeps of it."""
        return WeightsFile(self.sha256, self.bytes)

    def disagreement(self, pins: Sequence[Pin]) -> str:
        """The first pin that the file does not agree with, in words; empty where it agrees with all.

        Example:
            >>> file = FetchedFile(Path("a.pth"), "https://example.org/a.pth", "57934424", 3)
            >>> file.disagreement([Pin("5793", "its name")])
            ''
            >>> file.disagreement([Pin("77cc", "its name")])
            'Expected https://example.org/a.pth to have the sha256 77cc, as its name says, but got 57934424.'
        """
        for pin in pins:
            found = self.sha256 if pin.algorithm == "sha256" else _md5(self.path)
            if not found.startswith(pin.digest.lower()):
                told = (
                    f"Expected {self.origin} to have the {pin.algorithm} {pin.digest}, as {pin.said_by} says, but got"
                )
                return f"{told} {found}.{' ' if pin.advice else ''}{pin.advice}"
        return ""


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
