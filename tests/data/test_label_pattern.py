import re

import pytest

from headstart.core.errors import UsageError
from headstart.data.label_pattern import LabelPattern

PATHS = ["7_jackson_12.wav", "train/0_theo_3.wav", "noise/hum.wav", ""]


def test_the_first_group_is_the_label_as_a_search_finds_it():
    pattern = r"(\d)_([a-z]+)"
    for path in PATHS:
        found = re.search(pattern, path)
        assert LabelPattern(pattern).read(path) == (found and (found[1], None))


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"(\w+)/(?P<label>\d)_", ("0", None)),
        (r"(?P<group>\w+)/(\d)_", ("0", "train")),
        (r"(?P<label>\d)_(?P<group>[a-z]+)_", ("0", "theo")),
        (r"(?P<label>\d)_(?P<group>x)?", ("0", None)),
        (r"(?P<label>x?)_theo", None),
        (r"(?P<label>x)?0_theo", None),
    ],
)
def test_groups_are_found_by_name(pattern, expected):
    assert LabelPattern(pattern).read("train/0_theo_3.wav") == expected


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(", "unterminated subpattern"),
        (r"\d+", "no group for it"),
        (r"(?P<group>\d+)", "no group for it"),
        ("", "no group for it"),
    ],
)
def test_what_cannot_find_a_label_is_refused(pattern, reason):
    with pytest.raises(UsageError, match=reason):
        LabelPattern(pattern)
