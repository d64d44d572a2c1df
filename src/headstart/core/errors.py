"""Every error that headstart raises on purpose.

    HeadstartError
    ├── UsageError          an option or argument that cannot be meant
    │   └── UnknownNameError    a name that is not registered; suggests the nearest
    ├── DataError           the user's data cannot be used as it is
    │   └── UnlabelledError     it has items, but nothing says of which class they are
    ├── WeightsError        weights that are unsafe, broken or not the ones they claim to be
    ├── UnavailableError    something that cannot be had here: offline, a missing extra, no weights
    ├── RunFolderError      a folder that is not a run, or not an intact one
    ├── StorageError        the disk is full, read-only or not ours
    └── EngineError         an engine that cannot compute what was asked

A message says what was expected, what came, and what to do. The command line prints it alone and exits with 2.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


class HeadstartError(Exception):
    """Base of all errors that headstart raises on purpose; its text is written for the user."""


class UsageError(HeadstartError):
    """An option or argument that cannot be meant."""


class UnknownNameError(UsageError):
    """A name that is not known; the message suggests the nearest known ones.

    Args:
        kind: What was looked up, such as ``"backbone source"``.
        name: The unknown name.
        known: The names that are known; where none is near, at most ``most`` of them are listed.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], *, most: int = 20) -> None:
        self.name = name
        self.known = sorted(known)
        near = difflib.get_close_matches(name, self.known, n=3, cutoff=0.5)
        more = f" and {len(self.known) - most:,} more" if len(self.known) > most else ""
        listed = f"{', '.join(self.known[:most])}{more}"
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"known are {listed}."
        super().__init__(f"Expected the name of a {kind}, but got {name!r}; {hint}")


class DataError(HeadstartError):
    """The user's data cannot be used as it is."""

    @classmethod
    def from_problems(cls, heading: str, problems: Sequence[str], *, most: int = 20) -> DataError:
        """Reports several problems of one input together, at most ``most`` of them in full."""
        shown = [f"  - {problem}" for problem in problems[:most]]
        if len(problems) > most:
            shown.append(f"  - and {len(problems) - most} more")
        return cls("\n".join([heading, *shown]))


class UnlabelledError(DataError):
    """There are items, but nothing says of which class they are."""


class WeightsError(HeadstartError):
    """Weights that are unsafe, broken or not the ones they claim to be."""


class UnavailableError(HeadstartError):
    """Something that cannot be had here: no network, a missing extra, weights that nobody has fetched."""

    @classmethod
    def missing_extra(cls, what: str, *, module: str, extra: str) -> UnavailableError:
        """A library that an extra would bring is not installed."""
        return cls(f"{what} needs the package {module!r}, which is not installed; pip install 'headstart[{extra}]'")


class RunFolderError(HeadstartError):
    """A folder that is not a run, or not an intact one."""


class StorageError(HeadstartError):
    """The disk is full, read-only or not ours."""


class EngineError(HeadstartError):
    """An engine that cannot compute what was asked."""
