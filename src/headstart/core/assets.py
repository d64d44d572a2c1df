"""Small files that preparing an input needs, such as tokenizers: kept once, under the hash of what they hold."""

from __future__ import annotations

import hashlib
from pathlib import Path

from headstart.core.errors import WeightsError
from headstart.core.files import sha256_file, write_bytes
from headstart.core.home import cache_home


def keep_asset(content: bytes) -> str:
    """Keeps a file's content; what is kept already, and intact, is left as it is.

    Returns:
        The SHA-256 of the content, in hexadecimal: the name under which :func:`asset` finds it.

    Raises:
        StorageError: The disk is full or refuses.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    path = _place(sha256)
    if not (path.is_file() and sha256_file(path) == sha256):
        write_bytes(path, content)
    return sha256


def asset(sha256: str) -> Path:
    """The file with this content, its hash checked.

    Raises:
        WeightsError: It is not kept here, or it is damaged.
    """
    path = _place(sha256)
    if not path.is_file():
        raise WeightsError(
            f"Expected the file with the sha256 {sha256} in {path.parent}, but it is not there; run `headstart cache "
            "clear models` to prepare the backbone again."
        )
    if (found := sha256_file(path)) != sha256:
        raise WeightsError(
            f"Expected {path} to have the sha256 of its name, but got {found}; it is damaged. Run `headstart cache "
            "clear models` to prepare the backbone again."
        )
    return path


def _place(sha256: str) -> Path:
    return cache_home() / "models" / "assets" / sha256
