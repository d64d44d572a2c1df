"""What every test may ask for: real data where it is at hand, and a cache of its own."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; without it a test is skipped, unless CI says that it must be there."""
    folder = os.environ.get("HEADSTART_TEST_DATA")
    if folder and Path(folder).is_dir():
        return Path(folder)
    if os.environ.get("HEADSTART_REQUIRE_TEST_DATA"):
        pytest.fail(f"HEADSTART_TEST_DATA must name a folder of data sets, but is {folder!r}")
    pytest.skip("needs HEADSTART_TEST_DATA")


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for the whole test run, so that a backbone is converted once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def own_cache(shared_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the user's cache."""
    monkeypatch.setenv("HEADSTART_CACHE", str(shared_cache))
