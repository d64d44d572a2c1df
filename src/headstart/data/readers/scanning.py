"""Looking through a folder once: what is there, what nobody meant as data, what must not be followed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from headstart.core.errors import DataError
from headstart.data.items import Exclusion, Ledger

_SYSTEM_NAMES = {"__MACOSX", "Thumbs.db", "thumbs.db", "desktop.ini"}


@dataclass(slots=True)
class Folder:
    """One folder of a tree.

    Attributes:
        relative: Its path from the root, with ``/``; empty for the root.
        files: Files of the expected kind, in order of their names: readable name and path on disk.
        folders: Folders in it, in order of their names.
        others: Files of other kinds: readable name and suffix.
    """

    relative: str
    files: list[tuple[str, str]] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)
    others: list[tuple[str, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.relative.rpartition("/")[2]

    @property
    def count(self) -> int:
        """Number of files of the expected kind in it and below."""
        return len(self.files) + sum(folder.count for folder in self.folders)

    def walk(self) -> Iterator[Folder]:
        """This folder and all below."""
        yield self
        for folder in self.folders:
            yield from folder.walk()

    def within(self, name: str) -> str:
        """The path from the root of something in this folder."""
        return f"{self.relative}/{name}" if self.relative else name


def scan(root: Path, suffixes: frozenset[str], ledger: Ledger) -> Folder:
    """Looks through ``root`` and all below it.

    Hidden files and what operating systems and notebooks leave behind go to ``ledger.ignored``; links to
    folders go to ``ledger.excluded``; links to files are read where they stay inside.

    Args:
        root: The folder.
        suffixes: The expected kinds of files, as ``".jpg"``, in lower case.
        ledger: Takes what was passed over.

    Raises:
        DataError: Links lead out of the folder.
    """
    return _Scan(root, suffixes, ledger).run()


class _Scan:
    def __init__(self, root: Path, suffixes: frozenset[str], ledger: Ledger) -> None:
        self.root = root
        self.suffixes = suffixes
        self.ledger = ledger
        self.leaving: list[str] = []
        self.real_root = os.path.realpath(root)

    def run(self) -> Folder:
        tree = Folder("")
        self._fill(tree, str(self.root))
        if self.leaving:
            raise DataError.from_problems(
                f"Expected everything in {self.root} to lie inside it, but {len(self.leaving)} links lead "
                "out; copy what they point to into the folder:",
                self.leaving,
            )
        return tree

    def _fill(self, folder: Folder, path: str) -> None:
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            name = readable_name(entry.name)
            if name.startswith(".") or name in _SYSTEM_NAMES:
                self.ledger.ignored.append(Exclusion(folder.within(name), "system or hidden file"))
            elif entry.is_symlink() and not self._may_follow(entry, folder.within(name)):
                continue
            elif entry.is_dir():
                below = Folder(folder.within(name))
                folder.folders.append(below)
                self._fill(below, entry.path)
            else:
                suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122 - a Path for each of 100,000 files is slow
                if suffix in self.suffixes:
                    folder.files.append((name, entry.path))
                else:
                    folder.others.append((name, suffix))

    def _may_follow(self, entry: os.DirEntry[str], relative: str) -> bool:
        target = os.path.realpath(entry.path)
        if os.path.commonpath([target, self.real_root]) != self.real_root:
            self.leaving.append(f"{relative} -> {readable_name(target)}")
            return False
        if entry.is_dir():
            self.ledger.excluded.append(Exclusion(relative, "link to a folder", "its content is read where it lies"))
            return False
        return True


def other_kind(folder: Folder, name: str, suffix: str) -> Exclusion:
    """The ledger's entry for a file of a kind that is not read."""
    found = f"its name ends in {suffix!r}" if suffix else "its name has no ending"
    return Exclusion(folder.within(name), "other kind of file", found)


def readable_name(name: str) -> str:
    """A file's name as text that can be printed: bytes that are not UTF-8 are written as escapes."""
    if name.isascii():
        return name
    return os.fsencode(name).decode("utf-8", "backslashreplace")
