"""``weights.lock.json``: what came on the first use, so that the same name never quietly means another file later.

One line per name, so that a person can remove one::

    {
    "hub:timm/resnet18.a1_in1k@main": {"commit": "491b427b...", "date": "2026-11-22"},
    "https://example.org/resnet18-f37072fd.pth": {"sha256": "f37072fd...", "bytes": 46830571, "date": "2026-11-22"},
    "format": 1
    }
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headstart.backbones.weights.fetched import FetchedFile, Pin
from headstart.core.errors import WeightsError
from headstart.core.files import locked, write_bytes
from headstart.core.home import cache_home

_FORMAT = 1


def lock_file() -> Path:
    """Where it lies."""
    return cache_home() / "weights.lock.json"


def pins_of_first_use(origin: str) -> list[Pin]:
    """The hash that this origin had on its first use; none before that.

    Raises:
        WeightsError: The lock file is damaged.
    """
    sha256 = _said(origin, "sha256")
    advice = f'If the new one is what you want, remove the line "{origin}" from {lock_file()} and try again.'
    return [Pin(sha256, lock_file().name, advice)] if sha256 else []


def record_first_use(file: FetchedFile) -> None:
    """Writes the file's hash down, unless that was done before."""
    _add(file.origin, {"sha256": file.sha256, "bytes": file.bytes})


def pinned_commit(origin: str) -> str | None:
    """The commit that a repository's branch or tag stood for on its first use.

    Args:
        origin: ``hub:OWNER/NAME@REVISION``.
    """
    return _said(origin, "commit")


def pin_commit(origin: str, commit: str) -> None:
    """Writes down which commit a branch or tag stands for, unless that was done before."""
    _add(origin, {"commit": commit})


def _add(name: str, values: dict[str, Any]) -> None:
    if name in _read():
        return
    with locked(lock_file().with_name(".weights.lock")):
        entries = _read()
        entries.setdefault(name, {**values, "date": datetime.now(UTC).date().isoformat()})
        lines = [f"{json.dumps(key)}: {json.dumps(entry)},\n" for key, entry in sorted(entries.items())]
        write_bytes(lock_file(), "".join(["{\n", *lines, f'"format": {_FORMAT}\n', "}\n"]).encode())


def _said(name: str, key: str) -> str | None:
    entry = _read().get(name)
    if entry is None:
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get(key), str):
        raise _damaged(f"the line of {name!r} has no {key!r}")
    return str(entry[key])


def _read() -> dict[str, Any]:
    try:
        content = json.loads(lock_file().read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _damaged(str(error)) from error
    if not isinstance(content, dict) or content.pop("format", None) != _FORMAT:
        raise _damaged(f"it has no line '\"format\": {_FORMAT}'")
    return content


def _damaged(reason: str) -> WeightsError:
    return WeightsError(
        f"Expected {lock_file()} to say which weights came on their first use, but {reason}; mend it, or remove it "
        "to take the weights that come next for the right ones."
    )
