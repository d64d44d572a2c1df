"""Rows of numbers kept by content: computed once for an item, found again by its digest.

A *shelf* holds one kind of row, such as the features of one stage by one engine. Its name is a hash over everything
that could change a value, so a row that was made in another way is on another shelf and cannot be read by mistake::

    features/<shelf>/about.json       what the name is a hash of, in words
    features/<shelf>/<n>.rows.npy     (n, ...) rows, memory-mapped when read
    features/<shelf>/<n>.ids          n digests of 32 bytes, in the same order

Shards are never changed once their ``.ids`` file is there, which is renamed into place last: a reader needs no lock,
and a process that is killed loses the shard it was writing and nothing else. Writers of one shelf take turns.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import mmap
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import StorageError
from headstart.core.files import locked, write_atomic, write_json
from headstart.core.home import cache_home, cache_limit

DIGEST_BYTES = 32
LARGE_SHARD_BYTES = 4 * 1024**2
#: A shard of fewer rows is small, and this many small ones are left alone.
SMALL_ROWS = 512
MOST_SMALL_SHARDS = 64


@dataclass(frozen=True)
class Table:
    """Rows in the order of somebody's items, read from the shards they lie in only when asked for.

    Attributes:
        shards: Memory-mapped arrays ``(n, ...)``.
        places: ``(N, 2)``: shard and row of each item.
    """

    shards: tuple[NDArray[Any], ...]
    places: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """``(N, D)``."""
        return len(self.places), self.shards[0].shape[1] if self.shards else 0

    def take(self, which: NDArray[np.intp] | slice) -> NDArray[Any]:
        """The rows ``which``, in that order, in the type they are kept in.

        Where rows differ in length, the shorter ones are filled up with zeros at the end of their first axis.
        """
        places = self.places[which]
        if not len(places):
            return self.shards[0][:0] if self.shards else np.empty((0, 0))
        used = np.unique(places[:, 0])
        if len(used) == 1:
            return np.asarray(self.shards[used[0]][places[:, 1]])
        widest = np.result_type(*(shard.dtype for shard in self.shards))
        longest = max((self.shards[shard].shape[1:] for shard in used), default=())
        rows = np.zeros((len(places), *longest), dtype=widest)
        for shard in used:
            here = np.flatnonzero(places[:, 0] == shard)
            found = self.shards[shard][places[here, 1]]
            if found.shape[1:] == longest:
                rows[here] = found
            else:
                rows[here, : found.shape[1]] = found
        return rows

    def select(self, which: NDArray[np.intp]) -> Table:
        """The same rows for some of the items."""
        return Table(self.shards, self.places[which])

    def chunks(self, size: int) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """All rows in order as float32, at most ``size`` at a time, each with the places where they stand.

        The pages of large shards are let go after each chunk: the system keeps them as long as it has room, and the
        process is no larger than what it works on.
        """
        large = [shard for shard in self.shards if isinstance(shard, np.memmap) and shard.nbytes > LARGE_SHARD_BYTES]
        for start in range(0, len(self.places), size):
            place = slice(start, min(start + size, len(self.places)))
            yield place, self.take(place).astype(np.float32)
            for shard in large:
                _let_go(shard)


def _let_go(shard: np.memmap[Any, Any]) -> None:
    """Unmaps the pages of a map that is only read; the next access finds them again."""
    mapped: object = shard.base
    if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


@dataclass
class Shelf:
    """One kind of row.

    Attributes:
        about: Everything that could change a value; the shelf's name is a hash of it.
    """

    about: Mapping[str, Any]
    _shards: list[NDArray[Any]] = field(default_factory=list, repr=False)
    _index: dict[bytes, tuple[int, int]] = field(default_factory=dict, repr=False)
    _names: list[str] = field(default_factory=list, repr=False)

    @property
    def folder(self) -> Path:
        """Where the shelf lies."""
        text = json.dumps(self.about, sort_keys=True)
        return feature_home() / hashlib.sha256(text.encode()).hexdigest()[:32]

    def missing(self, digests: Sequence[str]) -> list[int]:
        """Places of the digests that have no row yet, each digest once."""
        self._open_new_shards()
        places: dict[str, int] = {}
        for place, digest in enumerate(digests):
            if digest not in places and bytes.fromhex(digest) not in self._index:
                places[digest] = place
        return list(places.values())

    def table(self, digests: Sequence[str]) -> Table:
        """The rows of the digests, all of which must be there."""
        places = np.array([self._index[bytes.fromhex(digest)] for digest in digests], dtype=np.int64)
        return Table(tuple(self._shards), places.reshape(-1, 2))

    def add(self, digests: Sequence[str], rows: NDArray[Any]) -> None:
        """Keeps new rows as one shard.

        Args:
            digests: One per row.
            rows: ``(n, ...)``.

        Raises:
            StorageError: The disk is full, read-only or not ours; nothing old is lost.
        """
        if not (self.folder / "about.json").exists():
            write_json(self.folder / "about.json", self.about)
        name = uuid.uuid4().hex
        write_atomic(
            self.folder / f"{name}.rows.npy",
            lambda stream: np.lib.format.write_array(stream, rows, allow_pickle=False),
            needed=rows.nbytes,
        )
        ids = b"".join(map(bytes.fromhex, digests))
        try:
            write_atomic(self.folder / f"{name}.ids", lambda stream: stream.write(ids), needed=len(ids))
        except BaseException:
            (self.folder / f"{name}.rows.npy").unlink(missing_ok=True)  # nobody would ever find them
            raise
        self._open_new_shards()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the shelf for writing: a second process that wants the same rows waits, and then finds them."""
        with locked(self.folder / "lock"):
            yield
            self._merge_small_shards()

    def _merge_small_shards(self) -> None:
        """Joins small shards into one where there are many, as after many predictions of one item each.

        Rows that somebody has mapped stay readable until they let go of them.
        """
        small = [
            name
            for name, shard in zip(self._names, self._shards, strict=True)
            if len(shard) < SMALL_ROWS and (self.folder / f"{name}.ids").exists()
        ]
        if len(small) <= MOST_SMALL_SHARDS:
            return
        digests = [digest.hex() for digest, (shard, _) in self._index.items() if self._names[shard] in small]
        self.add(digests, self.table(digests).take(slice(None)))
        for name in small:
            for file in (self.folder / f"{name}.ids", self.folder / f"{name}.rows.npy"):
                file.unlink(missing_ok=True)

    def _open_new_shards(self) -> None:
        for ids in sorted(self.folder.glob("*.ids")):
            if ids.stem in self._names:
                continue
            try:
                raw = ids.read_bytes()
                rows = np.load(ids.with_suffix(".rows.npy"), mmap_mode="r", allow_pickle=False)
            except (OSError, ValueError, EOFError) as error:
                _refuse_too_many_files(error)
                continue  # damaged or just evicted: these rows count as missing and are computed again
            if len(raw) != len(rows) * DIGEST_BYTES:
                continue
            self._names.append(ids.stem)
            self._shards.append(rows)
            shard = len(self._shards) - 1
            for row in range(len(rows)):
                self._index[raw[row * DIGEST_BYTES : (row + 1) * DIGEST_BYTES]] = (shard, row)
        if self._names:
            with contextlib.suppress(OSError):  # another process may have cleared it, or it is not ours
                os.utime(self.folder)


def _refuse_too_many_files(error: Exception) -> None:
    """Rows that this process cannot open are not missing: computed again they could not be opened either."""
    if isinstance(error, OSError) and error.errno in {errno.EMFILE, errno.ENFILE}:
        raise StorageError(
            "Expected to open all files that features are kept in, but the system allows no more open files; raise its "
            "limit (ulimit -n), or run `headstart cache clear features`."
        ) from error


def feature_home() -> Path:
    """The folder of all shelves."""
    return cache_home() / "features"


@dataclass(frozen=True, slots=True)
class ShelfInfo:
    """What ``headstart cache show`` says of a shelf."""

    folder: Path
    about: Mapping[str, Any]
    rows: int
    size: int
    last_used: float


def shelves() -> list[ShelfInfo]:
    """All shelves, the most recently used first; one that another process removes meanwhile is not among them."""
    found = []
    for folder in feature_home().glob("*"):
        with contextlib.suppress(OSError, ValueError):
            found.append(_describe(folder))
    return sorted(found, key=lambda shelf: -shelf.last_used)


def evict(keep: Sequence[Path]) -> list[ShelfInfo]:
    """Removes the least recently used shelves until the cache is within its limit.

    Args:
        keep: Folders in use, which stay whatever their size.

    Returns:
        The shelves that went.
    """
    found = shelves()
    over = sum(shelf.size for shelf in found) - cache_limit()
    gone = []
    for shelf in reversed(found):
        if over <= 0:
            break
        if shelf.folder in keep:
            continue
        shutil.rmtree(shelf.folder, ignore_errors=True)
        over -= shelf.size
        gone.append(shelf)
    return gone


def _describe(folder: Path) -> ShelfInfo:
    files = [entry.stat() for entry in folder.iterdir()]
    rows = sum(ids.stat().st_size // DIGEST_BYTES for ids in folder.glob("*.ids"))
    about = json.loads((folder / "about.json").read_text())
    return ShelfInfo(folder, about, rows, sum(entry.st_size for entry in files), folder.stat().st_mtime)
