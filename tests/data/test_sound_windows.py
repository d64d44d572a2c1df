"""One long file, several items."""

import pickle
from itertools import pairwise

import numpy as np
import pytest
from tests.recordings import encoded

from headstart.data.items import ArraySource, BytesSource, FileSource, Item, ItemTable, Ledger
from headstart.data.sound_windows import MOST_WINDOWS, WindowSource, expand, float_wav, windows
from headstart.data.sounds import decode


def noise(seconds, rate=8000, channels=None):
    shape = (int(seconds * rate),) if channels is None else (int(seconds * rate), channels)
    return (0.1 * np.random.default_rng(0).standard_normal(shape)).astype(np.float32)


def table(*items):
    return ItemTable("t", "t", items, Ledger())


@pytest.fixture
def long_file(tmp_path):
    path = tmp_path / "long.wav"
    path.write_bytes(float_wav(noise(24.5), 8000))
    return path


def test_a_long_file_becomes_windows_of_one_group(long_file):
    found = expand(table(Item("a/long.wav", FileSource(long_file), "rain", None, "test")))
    assert [item.id for item in found.items] == [f"a/long.wav [{part} s]" for part in ("0:10", "10:20", "20:25")]
    assert {(item.label, item.group, item.split) for item in found.items} == {("rain", "a/long.wav", "test")}
    assert found.ledger.notes == [
        "One recording is longer than 10 seconds and became 3 windows; those of one recording stay in one split."
    ]


def test_the_windows_together_are_the_recording(long_file):
    items = expand(table(Item("long", FileSource(long_file), group="ward 3"))).items
    parts = [decode(item.source.read()) for item in items]
    np.testing.assert_array_equal(np.concatenate([part.samples for part in parts]), noise(24.5))
    assert {part.rate for part in parts} == {8000}
    assert {item.group for item in items} == {"ward 3"}
    assert items[1].source.read() == items[1].source.read()


@pytest.mark.parametrize(("kind", "subtype"), [("FLAC", None), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None)])
def test_windows_of_compressed_recordings_are_cut_where_they_should_be(kind, subtype):
    samples = noise(23, 16_000, channels=2)
    found = expand(table(Item("long", BytesSource(encoded(samples, 16_000, kind, subtype))))).items
    assert len(found) == 3
    second = decode(found[1].source.read())
    assert np.corrcoef(second.samples, samples[160_000:320_000].mean(axis=1))[0, 1] > 0.8


def test_short_files_and_arrays_stay_as_they_are(tmp_path):
    path = tmp_path / "short.wav"
    path.write_bytes(float_wav(noise(11.9), 8000))
    items = (
        Item("file", FileSource(path)),
        Item("bytes", BytesSource(float_wav(noise(1), 8000))),
        Item("array", ArraySource(np.zeros(3, np.uint8))),
    )
    found = expand(table(*items))
    assert found.items == items
    assert found.ledger.notes == []


def test_an_unreadable_file_is_never_read_as_a_whole(tmp_path):
    found = expand(table(Item("gone", FileSource(tmp_path / "gone.wav")), Item("bad", BytesSource(b"no sound")))).items
    assert all(isinstance(item.source, WindowSource) for item in found)
    assert [item.id for item in found] == ["gone", "bad"]
    with pytest.raises(OSError, match=r"gone\.wav"):
        found[0].source.read()


@pytest.mark.parametrize("seconds", [0.01, 9.9, 10, 11.99, 12, 20, 21.5, 22, 3600])
def test_windows_follow_each_other_and_leave_out_less_than_two_seconds(seconds):
    found = windows(seconds)
    assert found[0][0] == 0
    assert all(start == stop for (_, stop), (start, _) in pairwise(found))
    assert all(stop - start <= 10 for start, stop in found)
    assert 0 <= seconds - min(seconds, found[-1][1]) < 2


def test_many_hours_become_windows_evenly_spaced(monkeypatch):
    monkeypatch.setattr("headstart.data.sound_windows.MOST_WINDOWS", 4)
    found = expand(table(Item("long", BytesSource(float_wav(np.zeros(70 * 100, np.float32), 100)))))
    assert [item.source.start for item in found.items] == [0, 20, 40, 60]
    assert found.ledger.notes[-1] == "Of long, 4 of 7 windows are used, evenly spaced."


def test_a_header_that_declares_years_costs_nothing():
    found = windows(1e9)
    assert (len(found), found[0], found[-1]) == (MOST_WINDOWS, (0, 10), (999_999_990, 1_000_000_000))
    assert MOST_WINDOWS * 10 == 3600


def test_a_window_travels_to_other_processes(long_file):
    source = WindowSource(long_file, 10, 20)
    assert pickle.loads(pickle.dumps(source)) == source
    assert len(source.read()) == 44 + 4 * 80_000
