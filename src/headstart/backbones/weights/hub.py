"""Weights in a repository of the Hugging Face hub.

They lie in the hub's own cache and come through its own client, so that other tools share them. What is added: a branch
or tag stands for the commit that it stood for on its first use; every file is held to the hash that the hub gives it
(``sha256`` for large files, git's own for small ones), which is the name of the file in the hub's cache; and nothing
waits for long.
"""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from headstart.backbones.weights.fetched import FetchedFile, Pin
from headstart.backbones.weights.lock_file import (
    lock_file,
    pin_commit,
    pinned_commit,
    pins_of_first_use,
    record_first_use,
)
from headstart.backbones.weights.offline import offline_switch
from headstart.backbones.weights.quarantine import quarantine
from headstart.core.errors import UnavailableError, UsageError, WeightsError
from headstart.core.files import storage_errors
from headstart.core.progress import Progress, Silent

#: Seconds after which a hub that does not answer counts as out of reach.
PATIENCE = 5.0

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}


def fetch_from_hub(
    repository: str, names: Sequence[str], *, revision: str | None = None, progress: Progress | None = None
) -> FetchedFile:
    """The first of several files that a repository has: the verified copy in the hub's cache, or fetched now.

    A copy in the cache that does not have its hash is moved to quarantine and fetched again.

    Args:
        repository: ``OWNER/NAME``.
        names: Paths in the repository, the preferred one first: ``("model.safetensors", "pytorch_model.bin")``. What is
            in the cache goes before what would have to be fetched.
        revision: A commit, or a branch or tag (``main`` where none is named), which stands for the commit that it
            stood for on its first use.
        progress: Hears what is fetched, and what was moved to quarantine.

    Raises:
        UsageError: The repository cannot be meant.
        UnavailableError: It has none of the files, or they are not on this machine and the hub is out of reach.
        WeightsError: The file has another hash than it should have.
        StorageError: The disk is full or refuses.
    """
    file = _Asked(repository, revision).fetch(names, progress or Silent())
    if file is None:
        raise UnavailableError(f"Expected {' or '.join(names)} in {repository} on the hub, but it has no such file.")
    return file


def hub_snapshot_file(repository: str, name: str, *, revision: str | None = None) -> Path | None:
    """A small file that comes with the weights, such as ``config.json``, of the same commit as they.

    Returns:
        Where it lies; ``None`` where the repository has no such file.

    Raises:
        UsageError: The repository cannot be meant.
        UnavailableError: It is not on this machine, and the hub is out of reach.
        WeightsError: The file has another hash than it should have.
    """
    file = _Asked(repository, revision).fetch((name,), Silent())
    return None if file is None else file.path


class _Asked:
    """One repository at one revision."""

    def __init__(self, repository: str, revision: str | None) -> None:
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", repository, re.ASCII) or ".." in f"{repository} {revision}":
            raise UsageError(f"Expected OWNER/NAME on the hub and a revision, but got {repository!r}, {revision!r}.")
        self.repository = repository
        self.revision = revision or "main"
        self.pinned = pinned_commit(self.origin) or self.revision

    def named(self, name: str) -> str:
        """One of its files, for messages."""
        pinned = f" at {self.pinned}, the commit in {lock_file()}," if self.pinned != self.revision else ""
        return f"{name} of {self.repository}{pinned}"

    @property
    def origin(self) -> str:
        """What is asked for; the lock file knows the commit by it."""
        return f"hub:{self.repository}@{self.revision}"

    def fetch(self, names: Sequence[str], progress: Progress) -> FetchedFile | None:
        """The first file that the cache or else the hub has; ``None`` where the repository is known to have none."""
        from huggingface_hub import try_to_load_from_cache

        found = [try_to_load_from_cache(self.repository, name, revision=self.pinned) for name in names]
        for name, pointer in zip(names, found, strict=True):
            if isinstance(pointer, str):
                try:
                    return self._verified(Path(pointer), name)
                except WeightsError as error:
                    if offline_switch():
                        raise
                    progress.say(f"{error} It is fetched again.")
                    break
        else:
            if None not in found:  # the cache remembers that the repository has none of them
                return None
        return self._from_hub(names, progress)

    def _from_hub(self, names: Sequence[str], progress: Progress) -> FetchedFile | None:
        if switch := offline_switch() or _hub_offline():
            raise UnavailableError(
                f"Expected {self.named(' or '.join(names))} in the hub's cache, but it is not there, and {switch} "
                "says to stay offline."
            )
        for name in names:
            facts = self._ask(name)
            if facts is not None:
                progress.say(f"Fetching {name} of {self.repository} ({(facts.size or 0) / 1e6:.1f} MB).")
                return self._verified(self._download(name), name, etag=facts.etag)
        return None

    def _ask(self, name: str) -> Any:
        """What the hub says about a file, asked once; ``None`` where there is none."""
        from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
        from huggingface_hub.errors import EntryNotFoundError

        with _one_error(self.named(name)):
            try:
                facts = get_hf_file_metadata(hf_hub_url(self.repository, name, revision=self.pinned), timeout=PATIENCE)
            except EntryNotFoundError:
                with suppress(EntryNotFoundError):  # the hub's cache then remembers that there is no such file
                    hf_hub_download(self.repository, name, revision=self.pinned, etag_timeout=PATIENCE)
                return None
            if not (facts.commit_hash and facts.etag):
                raise ValueError("the answer names neither commit nor hash, so it is not the hub that answers")
            return facts

    def _download(self, name: str) -> Path:
        from huggingface_hub import hf_hub_download

        with _one_error(self.named(name)):
            return Path(hf_hub_download(self.repository, name, revision=self.pinned, etag_timeout=PATIENCE))

    def _verified(self, pointer: Path, name: str, *, etag: str = "") -> FetchedFile:
        """A file of the hub's cache, held to the hub's hash and to that of its first use."""
        commit = pointer.parents[name.count("/")].name
        file = FetchedFile.hashed(pointer, f"hub:{self.repository}@{commit}/{name}")
        if told := _disagreement(file, _blob_name(pointer) or etag):
            raise WeightsError(f"{told} {_quarantine_blob(pointer)}")
        record_first_use(file)
        if self.revision != commit:
            pin_commit(self.origin, commit)
        return file


def _disagreement(file: FetchedFile, etag: str) -> str:
    said = [Pin(etag, "the hub")] if re.fullmatch("[0-9a-f]{64}", etag) else []
    if re.fullmatch("[0-9a-f]{40}", etag) and (found := _git_hash(file.path)) != etag:
        return f"Expected {file.origin} to have git's hash {etag}, as the hub says, but got {found}."
    return file.disagreement([*said, *pins_of_first_use(file.origin)])


def _git_hash(path: Path) -> str:
    """What git calls a file's content; the hub keeps small files in git itself."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _blob_name(pointer: Path) -> str:
    """The name of the file that an entry of the hub's cache links to, which is the hub's hash of it."""
    return pointer.readlink().name if pointer.is_symlink() else ""


def _quarantine_blob(pointer: Path) -> str:
    """Moves the content away, and removes the links to it, so that the client fetches it again."""
    links = [pointer] if pointer.is_symlink() else []
    while links and (target := links[-1].parent / links[-1].readlink()).is_symlink():
        links.append(target)
    told = quarantine(pointer.resolve())
    for link in links:
        if not link.exists():
            with suppress(OSError):
                link.unlink()
    return told


def _hub_offline() -> str:
    from huggingface_hub import constants

    return "huggingface_hub" if constants.HF_HUB_OFFLINE else ""


@contextmanager
def _one_error(what: str) -> Iterator[None]:
    """Turns whatever the hub's client raises into one line."""
    from huggingface_hub import constants

    try:
        yield
    except Exception as error:  # its several HTTP libraries and its native downloader have no common base
        if isinstance(error, OSError) and error.errno in _DISK:
            with storage_errors(Path(constants.HF_HUB_CACHE)):
                raise
        reason = str(error).strip().partition("\n")[0][:200]
        raise UnavailableError(
            f"Expected {what} from the hub, but got {type(error).__name__} ({reason}); check the name and the "
            "connection. Weights that are on this machine are used without asking."
        ) from error
