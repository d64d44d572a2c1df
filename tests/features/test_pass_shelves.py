"""What a pass keeps is found again by content, whoever kept it."""

import hashlib

import numpy as np
import pytest

from headstart.data.inspection import Inspection
from headstart.features import store
from headstart.features.pass_shelves import PassShelves, inspection_row, opened
from headstart.features.store import Shelf

SEEN = [
    Inspection("0f" * 32, 2**64 - 1, (640, 480)),
    Inspection("a0" * 32, 0, (1, 2**31 - 1), ("grey, not colour", "16 bit")),
    Inspection("00" * 32, 7, (0, 0), ("größer als erwartet",)),
]
DIGESTS = [hashlib.sha256(bytes([number])).hexdigest() for number in range(3)]


@pytest.fixture
def shelves(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "cache_home", lambda: tmp_path)
    return fresh()


def fresh() -> PassShelves:
    """The same shelves as another process would open them."""
    features = {stage: Shelf({"kind": "features", "stage": stage}) for stage in ("middle", "top")}
    return PassShelves(features, seen=Shelf({"kind": "inspection"}), plain=Shelf({"kind": "plain"}))


def test_inspections_come_back_as_they_were_in_the_order_that_is_asked_for(shelves):
    shelves.seen.add(DIGESTS, np.stack([inspection_row(one) for one in SEEN]))
    for order in ([0, 1, 2], [2, 0], [1, 1, 0]):
        assert shelves.inspections([DIGESTS[place] for place in order]) == tuple(SEEN[place] for place in order)
    assert shelves.inspections([]) == ()


def test_an_item_is_missing_until_its_row_is_on_every_shelf(shelves):
    digests = ["", *DIGESTS, DIGESTS[0]]
    places = [1, 2, 3, 4]  # the first could not be read, the last is the second once more
    assert shelves.missing(digests, places) == [1, 2, 3]
    shelves.seen.add(DIGESTS, np.zeros((3, 1)))
    shelves.plain.add(DIGESTS, np.zeros((3, 1)))
    shelves.features["middle"].add(DIGESTS, np.zeros((3, 1)))
    assert shelves.missing(digests, places) == [1, 2, 3]
    shelves.features["top"].add(DIGESTS[:2], np.zeros((2, 1)))
    assert shelves.missing(digests, places) == [3]
    assert shelves.missing_features(digests, places) == {3}
    assert shelves.missing(digests, []) == []


def test_features_may_be_there_where_something_else_is_missing(shelves):
    for shelf in shelves.features.values():
        shelf.add(DIGESTS, np.zeros((3, 1)))
    assert shelves.missing_features(DIGESTS, [0, 1, 2]) == set()
    assert shelves.missing(DIGESTS, [0, 1, 2]) == [0, 1, 2]


def test_what_another_process_kept_meanwhile_is_found(shelves):
    assert shelves.missing(DIGESTS, [0]) == [0]
    with (other := fresh()).writing():
        other.plain.add(DIGESTS, np.arange(3.0)[:, None])
    np.testing.assert_array_equal(opened(shelves.plain, DIGESTS[::-1]).take(slice(None)), [[2], [1], [0]])
