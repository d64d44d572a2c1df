"""Weights at an address."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from headstart.backbones.weights.download import Patience, download
from headstart.backbones.weights.fetched import FetchedFile, Pin
from headstart.backbones.weights.lock_file import pins_of_first_use, record_first_use
from headstart.backbones.weights.offline import offline_switch
from headstart.backbones.weights.quarantine import quarantine
from headstart.core.errors import UnavailableError, UsageError, WeightsError
from headstart.core.files import locked, storage_errors
from headstart.core.home import cache_home
from headstart.core.progress import Progress, Silent

PATIENCE = Patience()


def fetch_url(
    url: str,
    *,
    sha256: str = "",
    sha256_start: str = "",
    md5: str = "",
    kept_elsewhere: Sequence[Path] = (),
    progress: Progress | None = None,
) -> FetchedFile:
    """The file at an address: the verified copy on this machine, or one fetched now.

    Its hash is taken on every call, and must agree with those that are given and with that of its first use. A kept
    copy that does not agree is moved to quarantine and fetched again; what was fetched and does not agree is moved
    there too, and refused.

    Args:
        url: ``https://...`` or ``http://...``
        sha256: The hash of the file, where it is known.
        sha256_start: Its first hexadecimal digits, as they stand in torchvision's file names.
        md5: Where whoever offers the file names no better hash.
        kept_elsewhere: Where other tools may have put the same file; used in place where its hash agrees. Without any
            hash to agree with, such a file is not used.
        progress: Hears the bytes, and what was moved to quarantine.

    Raises:
        UsageError: It is no such address.
        UnavailableError: It is not on this machine, and cannot be fetched here and now.
        WeightsError: The file is another than it should be; names both hashes.
        StorageError: The disk is full or refuses.
    """
    _check_address(url)
    listener = progress or Silent()
    asker = "whoever asks for it"
    given = [Pin(sha256, asker), Pin(sha256_start, "its name"), Pin(md5, asker, algorithm="md5")]
    pins = [pin for pin in (*given, *pins_of_first_use(url)) if pin.digest]
    places = [kept_at(url), *(kept_elsewhere if pins else ())]
    file = _at_hand(url, places, pins) or _fetched(url, pins, listener)
    record_first_use(file)
    return file


def kept_at(url: str) -> Path:
    """Where the file of an address is kept once it was fetched."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", unquote(Path(urlsplit(url).path).name))[-80:]
    return cache_home() / "weights" / f"{hashlib.sha256(url.encode()).hexdigest()[:12]}-{name}"


def kept_by_torch_hub(url: str) -> Path:
    """Where torch.hub, and with it torchvision and timm, would have put the same file."""
    import torch

    return Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]


def hash_in_name(url: str) -> str:
    """The beginning of the sha256 that ends a file's name, as torchvision and timm write it; empty where none does.

    Example:
        >>> hash_in_name("https://download.pytorch.org/models/resnet18-f37072fd.pth")
        'f37072fd'
    """
    found = re.search(r"-([0-9a-f]{8,64})\.[a-z.]+$", urlsplit(url).path)
    return found[1] if found else ""


def _check_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname or not url.isascii() or parts.username is not None:
        raise UsageError(f"Expected an address such as https://example.org/weights.pth, but got {url!r}.")


def _at_hand(url: str, places: Sequence[Path], pins: Sequence[Pin]) -> FetchedFile | None:
    files = (FetchedFile.hashed(path, url) for path in places if path.is_file())
    return next((file for file in files if not file.disagreement(pins)), None)


def _fetched(url: str, pins: Sequence[Pin], progress: Progress) -> FetchedFile:
    target = kept_at(url)
    with locked(target.with_name(f".{target.name}.lock")):
        if file := _at_hand(url, [target], pins):  # another process fetched it meanwhile
            return file
        damaged = _move_damaged(url, target, pins)
        if switch := offline_switch():
            raise UnavailableError(
                f"Expected {url} on this machine, but it is not, and {switch} says to stay offline. {damaged}".rstrip()
            )
        if damaged:
            progress.say(f"{damaged} It is fetched again.")
        part = target.with_name(f"{target.name}.part")
        download(url, part, patience=PATIENCE, progress=progress, hash_known=bool(pins))
        file = FetchedFile.hashed(part, url)
        if told := file.disagreement(pins):
            raise WeightsError(f"{told} {quarantine(part)}")
        with storage_errors(target):
            part.replace(target)
        progress.finish(f"{file.bytes / 1e6:.1f} MB, sha256 {file.sha256[:8]}")
        return replace(file, path=target)


def _move_damaged(url: str, target: Path, pins: Sequence[Pin]) -> str:
    """Puts a kept file that is not what it should be into quarantine, and says so."""
    if not target.is_file():
        return ""
    return f"{FetchedFile.hashed(target, url).disagreement(pins)} {quarantine(target)}"
