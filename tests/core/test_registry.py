"""Names to parts, loaded when asked for, with the nearest name suggested."""

import sys

import pytest

from headstart.core.errors import DataError, UnknownNameError
from headstart.core.registry import Registry


def test_parts_are_imported_when_asked_for_and_not_before():
    registry = Registry("oddity", {"this": "antigravity:nothing", "path": "pathlib:PurePath"})
    assert list(registry) == ["this", "path"]
    assert "antigravity" not in sys.modules
    assert registry["path"].__name__ == "PurePath"


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'folder'"):
        Registry("reader", {"folder": "a:b", "table": "a:b"})["foldr"]
    with pytest.raises(UnknownNameError, match=r"known are folder, table\.$"):
        Registry("reader", {"folder": "a:b", "table": "a:b"})["xyz"]


def test_of_very_many_names_only_some_are_listed():
    many = [f"name{number:04}" for number in range(1500)]
    with pytest.raises(UnknownNameError, match=r"name0018, name0019 and 1,480 more\.$") as raised:
        raise UnknownNameError("model", "xyz", many)
    assert raised.value.known == many


def test_a_third_party_joins_by_entry_point(monkeypatch):
    from importlib import metadata

    point = metadata.EntryPoint("theirs", "pathlib:PurePosixPath", "group.of.parts")
    monkeypatch.setattr(metadata, "entry_points", lambda group: [point] if group == "group.of.parts" else [])
    registry = Registry("part", {"ours": "pathlib:PurePath"}, group="group.of.parts")
    assert list(registry) == ["ours", "theirs"]
    assert registry["theirs"].__name__ == "PurePosixPath"


def test_many_problems_stand_in_one_error():
    error = DataError.from_problems("bad:", [f"problem {number}" for number in range(25)])
    assert "problem 19" in str(error)
    assert "problem 20" not in str(error)
    assert "and 5 more" in str(error)
