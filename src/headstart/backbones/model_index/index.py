"""Reading the index: the files beside this one, or what ``headstart models --refresh`` made for this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headstart.backbones.model_index.lines import Encoded
from headstart.backbones.model_index.row import ModelRow
from headstart.core.home import cache_home
from headstart.core.machine import version

#: Prefix of a model's name to the distribution whose version the prefix's file describes.
DISTRIBUTIONS = {
    "bundled": "headstart",
    "headstart": "headstart",
    "timm": "timm",
    "torchvision": "torchvision",
    "keras": "keras",
}


@dataclass(frozen=True, slots=True)
class Index:
    """Every model of the index.

    Attributes:
        rows: In the order of :data:`DISTRIBUTIONS`, then by name.
        notes: Sentences about libraries that are installed in another version than the one indexed.
    """

    rows: tuple[ModelRow, ...]
    notes: tuple[str, ...]


def read_index() -> Index:
    """Reads every library's file: the one for the installed version where there is one, else the packaged one."""
    rows, notes = list[ModelRow](), []
    for prefix in DISTRIBUTIONS:
        if file := _file(prefix):
            rows += file.rows()
            notes += [] if _fits(file, prefix) else [_other_version(prefix, file.version)]
    return Index(tuple(rows), tuple(notes))


def outdated() -> list[str]:
    """Prefixes whose index describes another version than the one that is installed, or is missing."""
    installed = (prefix for prefix in DISTRIBUTIONS if installed_version(prefix) != "absent")
    return [prefix for prefix in installed if not ((file := _file(prefix)) and _fits(file, prefix))]


def installed_version(prefix: str) -> str:
    """The installed version of a prefix's library, without what a builder added: ``0.26.0+cpu`` is ``0.26.0``."""
    return version(DISTRIBUTIONS[prefix]).partition("+")[0]


def refreshed(prefix: str) -> Path:
    """Where the file lies that was made for the version installed here."""
    return cache_home() / "model_index" / f"{prefix}.jsonl"


def packaged(prefix: str) -> Path:
    """Where the file lies that came with headstart."""
    return Path(__file__).with_name(f"{prefix}.jsonl")


def _file(prefix: str) -> Encoded | None:
    found = [file for file in (_opened(packaged(prefix)), _opened(refreshed(prefix))) if file]
    fitting = (file for file in found if _fits(file, prefix))
    return next(fitting, found[0] if found else None)


def _opened(path: Path) -> Encoded | None:
    """A file of the index; one that is missing, damaged or of another format counts as none."""
    try:
        return Encoded.open(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _fits(file: Encoded, prefix: str) -> bool:
    """Whether a file describes what is installed; where nothing is, any version will do."""
    return installed_version(prefix) in ("absent", file.version)


def _other_version(prefix: str, indexed: str) -> str:
    return (
        f"The index of {prefix}: models was made with {DISTRIBUTIONS[prefix]} {indexed}, and "
        f"{installed_version(prefix)} is installed; `headstart models --refresh` makes it anew (minutes)."
    )
