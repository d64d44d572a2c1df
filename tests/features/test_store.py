"""Rows kept by content: found again, never mixed up, never half there, within a size."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from headstart.features.store import Shelf, evict, shelves


def digests(count, *, start=0):
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(start, start + count)]


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))


def filled(about, count, *, start=0):
    shelf = Shelf(about)
    shelf.add(digests(count, start=start), np.arange(start, start + count, dtype=np.float16)[:, None] * np.ones(3))
    return shelf


def test_rows_come_back_in_the_order_asked_for():
    filled({"kind": "a"}, 5)
    filled({"kind": "a"}, 5, start=5)
    shelf = Shelf({"kind": "a"})
    asked = [digests(10)[place] for place in (9, 0, 5, 4)]
    assert shelf.missing(asked) == []
    table = shelf.table(asked)
    assert table.shape == (4, 3)
    assert table.take(slice(None))[:, 0].tolist() == [9, 0, 5, 4]
    assert [rows[:, 0].tolist() for _, rows in table.chunks(3)] == [[9, 0, 5], [4]]
    assert table.select(np.array([2])).take(slice(None))[:, 0].tolist() == [5]


def test_only_what_is_not_there_is_missing_and_each_content_once():
    shelf = filled({"kind": "a"}, 3)
    asked = [*digests(3), *digests(2, start=3), *digests(1, start=3)]
    assert shelf.missing(asked) == [3, 4]


def test_anything_that_could_change_a_value_is_another_shelf():
    filled({"kind": "features", "precision": "bf16"}, 3)
    assert len(Shelf({"kind": "features", "precision": "f32"}).missing(digests(3))) == 3


def test_a_shard_without_its_ids_or_of_another_length_counts_as_missing():
    shelf = filled({"kind": "a"}, 4)
    (ids,) = shelf.folder.glob("*.ids")
    ids.write_bytes(ids.read_bytes()[:-32])
    assert len(Shelf({"kind": "a"}).missing(digests(4))) == 4
    ids.unlink()
    assert len(Shelf({"kind": "a"}).missing(digests(4))) == 4


def test_a_truncated_shard_counts_as_missing():
    shelf = filled({"kind": "a"}, 4)
    (rows,) = shelf.folder.glob("*.rows.npy")
    rows.write_bytes(rows.read_bytes()[:-5])
    assert len(Shelf({"kind": "a"}).missing(digests(4))) == 4


def test_the_least_recently_used_shelves_go_first_and_those_in_use_stay(monkeypatch):
    old, kept, new = (filled({"kind": name}, 200) for name in "abc")
    for age, shelf in ((300, old), (200, kept), (100, new)):
        stat = shelf.folder.stat()
        os.utime(shelf.folder, (stat.st_atime - age, stat.st_mtime - age))
    size = sum(shelf.size for shelf in shelves())
    monkeypatch.setenv("HEADSTART_CACHE_LIMIT", str(size - 10))
    assert [shelf.about["kind"] for shelf in evict([old.folder])] == ["b"]
    assert {shelf.about["kind"] for shelf in shelves()} == {"a", "c"}


WRITER = """
import sys, time
import numpy as np
from headstart.features.store import Shelf
digests = sys.argv[1].split()
shelf = Shelf({"kind": "shared"})
with shelf.writing():
    todo = shelf.missing(digests)
    time.sleep(0.3)
    if todo:
        shelf.add([digests[place] for place in todo], np.ones((len(todo), 2), dtype=np.float16))
"""


def test_several_processes_on_one_shelf_take_turns_and_compute_once():
    command = [sys.executable, "-c", WRITER, " ".join(digests(50))]
    workers = [subprocess.Popen(command) for _ in range(3)]
    assert [worker.wait() for worker in workers] == [0, 0, 0]
    shelf = Shelf({"kind": "shared"})
    assert shelf.missing(digests(50)) == []
    assert len(list(shelf.folder.glob("*.ids"))) == 1


def test_shards_of_different_types_keep_their_values():
    shelf = Shelf({"kind": "mixed"})
    shelf.add(digests(1), np.ones((1, 2), np.float16))
    shelf.add(digests(1, start=1), np.full((1, 2), 1e6, np.float32))
    assert Shelf({"kind": "mixed"}).missing(digests(2)) == []
    assert shelf.table(digests(2)).take(slice(None)).tolist() == [[1, 1], [1e6, 1e6]]


def test_many_small_shards_become_one():
    shelf = Shelf({"kind": "predictions"})
    for number in range(70):
        with shelf.writing():
            shelf.add(digests(1, start=number), np.full((1, 2), number, np.float16))
    assert len(list(shelf.folder.glob("*.ids"))) < 10
    assert len(list(shelf.folder.glob("*.ids"))) == len(list(shelf.folder.glob("*.rows.npy")))
    fresh = Shelf({"kind": "predictions"})
    assert fresh.missing(digests(70)) == []
    assert fresh.table(digests(70)).take(slice(None))[:, 0].tolist() == list(range(70))


def test_an_empty_rows_file_counts_as_missing():
    shelf = filled({"kind": "a"}, 4)
    (rows,) = shelf.folder.glob("*.rows.npy")
    rows.write_bytes(b"")
    assert len(Shelf({"kind": "a"}).missing(digests(4))) == 4
