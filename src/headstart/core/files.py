"""Files that are written whole or not at all, hashed, and locked between processes.

Every write goes to a temporary name beside its target, is synced, and is renamed over it. A full disk, a lost
permission or a killed process leaves the old file as it was.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
import uuid
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from headstart.core.errors import StorageError

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_NO_PERMISSION = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def storage_errors(target: Path, *, needed: int | None = None) -> Iterator[None]:
    """Turns what the disk refuses into one ``StorageError`` that names the place and the bytes needed."""
    try:
        yield
    except OSError as error:
        size = f" ({needed:,} bytes)" if needed is not None else ""
        if error.errno in _NO_SPACE:
            raise StorageError(
                f"Expected room for {target}{size}, but the disk is full; free some space "
                "or point HEADSTART_CACHE or --out to another disk. What was there before is untouched."
            ) from error
        if error.errno in _NO_PERMISSION:
            raise StorageError(
                f"Expected to be allowed to write {target}{size}, but got {error.strerror!r}; change its permissions "
                "or point HEADSTART_CACHE or --out elsewhere. What was there before is untouched."
            ) from error
        raise StorageError(
            f"Expected to write {target}{size}, but got {error.strerror or error}; point HEADSTART_CACHE or --out "
            "elsewhere. What was there before is untouched."
        ) from error


def write_atomic(target: Path, write: Callable[[IO[bytes]], object], *, needed: int | None = None) -> None:
    """Writes ``target`` through ``write(stream)``: afterwards it is there whole, or it is what it was before.

    Args:
        target: The file to write; its parent folders are made.
        write: Writes the content into a binary stream.
        needed: Size in bytes for the error message, where it is known.

    Raises:
        StorageError: The disk is full, read-only or not ours.
    """
    with storage_errors(target, needed=needed):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = _beside(target)
        try:
            with part.open("xb") as stream:
                write(stream)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                part.unlink()
            raise


def write_bytes(target: Path, content: bytes) -> None:
    """Writes ``content`` to ``target``, whole or not at all."""
    write_atomic(target, lambda stream: stream.write(content), needed=len(content))


def write_json(target: Path, value: Any) -> None:
    """Writes ``value`` as readable JSON, whole or not at all; NaN and infinity are refused."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    # A file name that is not UTF-8 holds lone surrogates; escaped, they are valid JSON and read back as they were.
    write_bytes(target, (text + "\n").encode("utf-8", "backslashreplace"))


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes ``target`` when the block ends well, and vanishes when it does not.

    Raises:
        StorageError: ``target`` exists already, or the disk refuses.
    """
    with _folder_beside(target) as folder:
        yield folder
        with storage_errors(target):
            if target.exists():
                raise StorageError(
                    f"Expected {target} to be free, but something is there already; choose another name."
                )
            folder.rename(target)


@contextmanager
def replacing_folder(target: Path) -> Iterator[Path]:
    """A temporary folder that takes the place of the folder ``target`` when the block ends well.

    The new folder is whole before the old one moves aside, and the old one is deleted last. A process that is killed in
    the instant between the two renames leaves the old folder whole under a hidden name beside ``target``.

    Raises:
        StorageError: The disk refuses; the old folder is where it was.
    """
    with _folder_beside(target) as folder:
        yield folder
        aside = _beside(target, kind="old")
        with storage_errors(target):
            try:
                target.rename(aside)
                folder.rename(target)
            except BaseException:
                if aside.exists() and not target.exists():
                    aside.rename(target)
                raise
        shutil.rmtree(aside, ignore_errors=True)


def remove_folder(folder: Path) -> None:
    """Deletes a folder and all that is in it: it loses its name at once, so that nobody ever finds half of it.

    Raises:
        StorageError: It may not be deleted.
    """
    with storage_errors(folder):
        aside = folder.rename(_beside(folder))
    shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _folder_beside(target: Path) -> Iterator[Path]:
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = _beside(target)
        folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def reserve(stream: IO[bytes], size: int) -> None:
    """Takes the room for a file that is to be mapped: a disk that is full later would end the process without a word.

    Raises:
        StorageError: The disk has no such room.
    """
    with storage_errors(Path(tempfile.gettempdir()), needed=size):
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(stream.fileno(), 0, size)


def _beside(target: Path, *, kind: str = "part") -> Path:
    """A temporary name in the same folder; unlike ``tempfile``'s, what it names follows the user's umask."""
    return target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.{kind}")


def sha256_file(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds an exclusive lock between processes; the lock goes with the process that holds it, however it ends."""
    import fcntl

    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a")
    with stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def try_lock(path: Path) -> IO[str] | None:
    """Takes an exclusive lock between processes, or returns ``None`` where it is held already.

    Returns:
        The open file: closing it gives the lock back, and so does the end of this process, however it ends. A forked
        child does not keep the lock.
    """
    import fcntl

    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("a")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its holder may have removed the file meanwhile: a lock on what has no name keeps nobody out.
        held = os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except (BlockingIOError, FileNotFoundError):
        held = False
    if not held:
        stream.close()
        return None
    _close_in_children(stream)
    return stream


def _close_in_children(stream: IO[str]) -> None:
    """A fork shares its parent's lock: a data worker that outlives its killed parent would hold it."""
    known = weakref.ref(stream)

    def close() -> None:
        if (inherited := known()) is not None:
            inherited.close()

    os.register_at_fork(after_in_child=close)
