"""Bringing the bytes at an address into a file: resumed, within bounded time, never half a file for a whole one."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from headstart.core.errors import StorageError, UnavailableError
from headstart.core.files import storage_errors, write_json
from headstart.core.progress import Progress

_CHUNK_BYTES = 1 << 20
_WORTH_ANOTHER_ATTEMPT = {408, 425, 429}


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a download is waited for.

    Attributes:
        silence: Seconds without an answer or a byte.
        rate: Fewest bytes per second, measured over ``silence`` seconds.
        attempts: How many in a row may bring nothing; five times as many may be made in all.
        wait: Seconds before the second attempt; twice as many before each further one, 8 at most.
    """

    silence: float = 10.0
    rate: float = 1024.0
    attempts: int = 3
    wait: float = 0.5


@dataclass(frozen=True, slots=True)
class _Begun:
    """What is known about a download that has begun; kept beside the part, for whoever resumes it.

    Attributes:
        version: What the server calls this version of the file: a strong ETag, or when it was last modified; empty
            where it does not say, and then nothing can be resumed.
        total: Bytes of the whole file, where the server says.
    """

    version: str = ""
    total: int | None = None


class _BrokenOffError(OSError):
    """The connection ended or stalled before the file did."""


def download(url: str, part: Path, *, patience: Patience, progress: Progress, hash_known: bool) -> None:
    """Brings the whole file at ``url`` into ``part``, going on from what ``part`` holds already.

    Proxies and certificates are those that the environment names. A part is gone on with only where the server confirms
    that it still has the same version (``Range`` with ``If-Range``).

    Args:
        url: ``https:`` or ``http:``; an address that begins with ``https:`` is not followed to one that does not.
        part: The file to write; a note on the server's version lies beside it meanwhile.
        patience: How long to wait and how often to try.
        progress: Hears the bytes.
        hash_known: Whether the file will be held to a hash: without one, an answer that does not say how long it is
            might be cut short unnoticed.

    Raises:
        UnavailableError: There is no such file, or the server is out of reach, breaks off or stalls.
        StorageError: The disk is full or refuses; it names the bytes needed.
    """
    fruitless, reason = 0, ""
    for _ in range(5 * patience.attempts):
        before = _size(part)
        try:
            _attempt(url, part, patience, progress, hash_known=hash_known)
        except (OSError, http.client.HTTPException) as error:
            reason = _reason(error)
            if not _may_pass(error):
                raise UnavailableError(f"Expected to fetch {url}, but {reason}; is that still its address?") from error
        else:
            _note(part).unlink(missing_ok=True)
            return
        fruitless = 0 if _size(part) > before else fruitless + 1
        if fruitless >= patience.attempts:
            break
        time.sleep(min(8.0, patience.wait * 2**fruitless))
    kept = _begun(part)[1]
    more = f" {kept:,} bytes of it are kept, and the next attempt goes on from there." if kept else ""
    raise UnavailableError(f"Expected to fetch {url}, but {reason}.{more} Check the connection, or try again later.")


def _attempt(url: str, part: Path, patience: Patience, progress: Progress, *, hash_known: bool) -> None:
    begun, offset = _begun(part)
    if begun.total is not None and offset == begun.total:
        return
    try:
        with _ask(url, begun, offset, patience) as answer:
            if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
                offset, begun = 0, _announced(url, answer, hash_known=hash_known)
            elif not _continues(answer, begun, offset):
                part.unlink(missing_ok=True)
                raise _BrokenOffError("it sent other bytes than were asked for")
            _check_room(part, begun.total, offset)
            progress.start(f"fetching {Path(urlsplit(url).path).name}", total=begun.total)
            progress.advance(offset)
            _receive(answer, part, begun, offset=offset, patience=patience, progress=progress)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink(missing_ok=True)
        raise
    if begun.total is not None and _size(part) != begun.total:
        raise _BrokenOffError(f"it broke off after {_size(part):,} of {begun.total:,} bytes")


def _ask(url: str, begun: _Begun, offset: int, patience: Patience) -> Any:
    headers = {"User-Agent": "headstart", "Accept-Encoding": "identity"}
    if offset:
        headers |= {"Range": f"bytes={offset}-", "If-Range": begun.version}
    request = urllib.request.Request(url, headers=headers)
    return urllib.request.build_opener(_SafeRedirects).open(request, timeout=patience.silence)


def _announced(url: str, answer: Any, *, hash_known: bool) -> _Begun:
    """What the server says about a whole file before it sends it."""
    if answer.headers.get_content_type() == "text/html":
        raise UnavailableError(
            f"Expected weights at {url}, but got a web page; a network that asks for a login answers like that, "
            "and so does a server that no longer has the file."
        )
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise UnavailableError(f"Expected the bytes of {url} as they are, but the server sends them compressed.")
    length = answer.headers.get("Content-Length", "").strip()
    total = int(length) if length.isdecimal() else None
    if total == 0:
        raise UnavailableError(f"Expected weights at {url}, but the server sends an empty file.")
    if total is None and not hash_known and not answer.chunked:
        raise UnavailableError(
            f"Expected to learn the length of {url} or to know its hash, but the server does not say how long it is; "
            "a file that is cut short could not be told from a whole one."
        )
    tag = answer.headers.get("ETag", "")
    version = answer.headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
    return _Begun(version, total)


def _continues(answer: Any, begun: _Begun, offset: int) -> bool:
    """Whether a partial answer is the rest of the very file that the part is the beginning of."""
    if answer.headers.get("ETag", begun.version) != begun.version and begun.version.startswith('"'):
        return False
    return bool(answer.headers.get("Content-Range") == f"bytes {offset}-{(begun.total or 0) - 1}/{begun.total}")


def _receive(answer: Any, part: Path, begun: _Begun, *, offset: int, patience: Patience, progress: Progress) -> None:
    with storage_errors(part):
        stream = _opened(part, begun, offset)
    with stream:
        for chunk in _chunks(answer, patience):
            with storage_errors(part, needed=begun.total):
                stream.write(chunk)
            progress.advance(len(chunk))
        with storage_errors(part, needed=begun.total):
            stream.flush()
            os.fsync(stream.fileno())


def _chunks(answer: Any, patience: Patience) -> Iterator[bytes]:
    """The bytes as they come, as long as they come fast enough."""
    received, since = 0, time.monotonic()
    while chunk := answer.read1(_CHUNK_BYTES):
        yield chunk
        received += len(chunk)
        if (passed := time.monotonic() - since) > patience.silence:
            if received < patience.rate * passed:
                raise _BrokenOffError(f"it came at only {received / passed:.0f} bytes per second")
            received, since = 0, time.monotonic()


def _opened(part: Path, begun: _Begun, offset: int) -> IO[bytes]:
    part.parent.mkdir(parents=True, exist_ok=True)
    if offset:
        return part.open("ab")
    stream = part.open("wb")
    write_json(_note(part), asdict(begun))
    return stream


def _begun(part: Path) -> tuple[_Begun, int]:
    """What an earlier attempt noted, and from which byte on it can be resumed."""
    try:
        begun = _Begun(**json.loads(_note(part).read_bytes()))
    except (OSError, ValueError, TypeError):
        return _Begun(), 0
    return (begun, _size(part)) if begun.version and begun.total is not None else (_Begun(), 0)


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _check_room(part: Path, total: int | None, offset: int) -> None:
    folder = next(folder for folder in part.parents if folder.is_dir())
    if total is not None and (free := shutil.disk_usage(folder).free) < total - offset:
        raise StorageError(
            f"Expected room for the {total - offset:,} bytes that are still to come into {part}, but the disk has "
            f"{free:,} left; free some space or point HEADSTART_CACHE to another disk."
        )


def _may_pass(error: Exception) -> bool:
    """Whether the same question may well be answered better a moment later."""
    if not isinstance(error, urllib.error.HTTPError):
        return True
    gone = http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE  # the part was of no use and is removed now
    return error.code in _WORTH_ANOTHER_ATTEMPT or error.code == gone or error.code >= 500


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code} {error.reason}"
    if isinstance(error, urllib.error.URLError):
        return f"the server is out of reach ({error.reason})"
    if isinstance(error, _BrokenOffError):
        return str(error)
    return f"the connection broke ({str(error) or type(error).__name__})"


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect from an encrypted connection to one that is not."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not newurl.startswith("https:" if req.type == "https" else ("http:", "https:")):
            raise UnavailableError(f"Expected {req.full_url} to lead to an address as safe, but it leads to {newurl}.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
