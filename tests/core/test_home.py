"""Where the cache is, and how large it may be."""

import pytest

from headstart.core.errors import UsageError
from headstart.core.home import cache_home, cache_limit


def test_the_environment_decides(monkeypatch, tmp_path):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))
    assert cache_home() == tmp_path
    monkeypatch.delenv("HEADSTART_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr("sys.platform", "linux")
    assert cache_home() == tmp_path / "xdg" / "headstart"
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_home() == tmp_path / "Library" / "Caches" / "headstart"


@pytest.mark.parametrize(("text", "size"), [("500M", 500 * 2**20), ("1.5g", 3 * 2**29), ("2GB", 2**31), ("77", 77)])
def test_sizes_are_read(monkeypatch, text, size):
    monkeypatch.setenv("HEADSTART_CACHE_LIMIT", text)
    assert cache_limit() == size


def test_anything_else_is_refused(monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE_LIMIT", "lots")
    with pytest.raises(UsageError, match="500M or 20G"):
        cache_limit()
