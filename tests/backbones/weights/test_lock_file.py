"""What came on the first use."""

import json
from pathlib import Path

import pytest

from headstart.backbones.weights.fetched import FetchedFile
from headstart.backbones.weights.lock_file import (
    lock_file,
    pin_commit,
    pinned_commit,
    pins_of_first_use,
    record_first_use,
)
from headstart.core.errors import WeightsError

FIRST = FetchedFile(Path("a"), "https://a/b.pth", "aa", 3)
LATER = FetchedFile(Path("a"), "https://a/b.pth", "bb", 4)


def test_the_first_use_counts_and_no_later_one() -> None:
    assert pins_of_first_use(FIRST.origin) == []
    record_first_use(FIRST)
    record_first_use(LATER)
    [pin] = pins_of_first_use(FIRST.origin)
    assert FIRST.disagreement([pin]) == ""
    assert "sha256 aa, as weights.lock.json says, but got bb" in LATER.disagreement([pin])


def test_a_branch_stands_for_the_commit_of_its_first_use() -> None:
    assert pinned_commit("hub:a/b@main") is None
    pin_commit("hub:a/b@main", "1" * 40)
    pin_commit("hub:a/b@main", "2" * 40)
    assert pinned_commit("hub:a/b@main") == "1" * 40


@pytest.mark.parametrize("removed", ["hub:a/b@main", "https://a/b.pth", "https://c/d.pth"])
def test_any_line_can_be_removed_by_hand(removed: str) -> None:
    record_first_use(FIRST)
    record_first_use(FetchedFile(Path("d"), "https://c/d.pth", "cc", 5))
    pin_commit("hub:a/b@main", "1" * 40)
    lock_file().write_text("".join(line for line in lock_file().open() if f'"{removed}"' not in line))
    left = {"hub:a/b@main", "https://a/b.pth", "https://c/d.pth", "format"} - {removed}
    assert json.loads(lock_file().read_bytes()).keys() == left
    assert pins_of_first_use(removed) == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"format": 2}',
        '{"https://a/b.pth": {}, "format": 1}',
        '{"https://a/b.pth": 3, "format": 1}',
    ],
)
def test_a_damaged_file_is_named_and_left_alone(content: str) -> None:
    lock_file().parent.mkdir()
    lock_file().write_text(content)
    with pytest.raises(WeightsError, match=str(lock_file())):
        pins_of_first_use(FIRST.origin)
    assert lock_file().read_text() == content
