"""Servers to fetch from, a cache with nothing in it, and little patience."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.servers import FileServer

from headstart.backbones.weights import url as url_module
from headstart.backbones.weights.download import Patience
from headstart.core.progress import Silent


class Heard(Silent):
    """Keeps what was said, and counts."""

    def __init__(self) -> None:
        self.said = ""
        self.total: int | None = None
        self.done = 0

    def start(self, step: str, *, total: int | None = None) -> None:
        self.total, self.done = total, 0

    def advance(self, amount: int = 1) -> None:
        self.done += amount

    def say(self, message: str) -> None:
        self.said += message


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer() as server:
        yield server


@pytest.fixture(autouse=True)
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, no proxy, no switch that says to stay offline, and waits of moments."""
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    for switch in ("HEADSTART_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(switch, raising=False)
    monkeypatch.setattr(url_module, "PATIENCE", Patience(silence=0.3, attempts=3, wait=0.01))
