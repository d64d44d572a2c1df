"""Files kept by what they hold."""

import hashlib

import pytest

from headstart.core.assets import asset, keep_asset
from headstart.core.errors import WeightsError

pytestmark = pytest.mark.usefixtures("silent_home")


def test_what_is_kept_is_found_by_its_hash() -> None:
    sha256 = keep_asset(b"{}")
    assert sha256 == hashlib.sha256(b"{}").hexdigest()
    assert asset(sha256).read_bytes() == b"{}"


def test_it_is_kept_once() -> None:
    path = asset(keep_asset(b"words"))
    before = path.stat().st_ino
    keep_asset(b"words")
    assert path.stat().st_ino == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_damage_is_noticed_and_mended_by_keeping_it_again() -> None:
    sha256 = keep_asset(b"words")
    asset(sha256).write_bytes(b"wordz")
    with pytest.raises(WeightsError, match="it is damaged"):
        asset(sha256)
    keep_asset(b"words")
    assert asset(sha256).read_bytes() == b"words"


def test_what_is_not_kept_is_named() -> None:
    with pytest.raises(WeightsError, match=f"{'0' * 64}.*cache clear models"):
        asset("0" * 64)
