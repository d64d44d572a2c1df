"""Fault 15: sounds that are empty, broken, strange or very long."""

import io
import struct
import tracemalloc

import numpy as np
import pytest
import soundfile
from tests.recordings import encoded, tone

from headstart.data.items import BytesSource, FileSource, Item, ItemTable, Ledger, UnreadableError
from headstart.data.sound_windows import WindowSource, expand, float_wav, wav_file
from headstart.data.sounds import decode, resampled
from headstart.features.extraction import extract, read_digests
from headstart.modalities.sound import SOUND

WAV, FLAC, OGG, AIFF, MP3 = (encoded(tone(2), kind=kind) for kind in ("WAV", "FLAC", "OGG", "AIFF", "MP3"))


def with_one(value):
    samples = tone()
    samples[777] = value
    return float_wav(samples, 16_000)


def with_rate(rate):
    return WAV[:24] + struct.pack("<I", rate) + WAV[28:]


def flac_of_length(samples):
    """Bits 108 to 143 of the stream's description, which follows eight bytes."""
    high = FLAC[21] & 0xF0 | samples >> 32
    return FLAC[:21] + bytes([high]) + (samples & 0xFFFFFFFF).to_bytes(4, "big") + FLAC[26:]


REFUSED = {
    "empty": (b"", "empty file: the file has no bytes"),
    "header only": (wav_file(b"", 16_000, kind=1, bits=16), "no samples: there is a header, but no sound behind it"),
    "NaN": (with_one(np.nan), "not finite: 1 of 16,000 samples are NaN or infinite"),
    "infinite": (with_one(-np.inf), "not finite: 1 of 16,000 samples are NaN or infinite"),
    "a million samples per second": (with_rate(1_000_000), "too many samples: the header says 1,000,000 samples per"),
    "no samples per second": (with_rate(0), "truncated or broken: WAV: "),
    "truncated WAV": (WAV[:-100], "truncated or broken: WAV: 63,900 of 64,000 bytes of samples are there"),
    "truncated AIFF": (AIFF[:30_000], "truncated or broken: AIFF: "),
    "truncated FLAC": (FLAC[: len(FLAC) // 2], "truncated or broken: "),
    "FLAC that declares years": (flac_of_length(2**36 - 1), "truncated or broken: FLAC: "),
    "FLAC that declares nothing": (flac_of_length(0), "unsupported format: FLAC of no declared length"),
    "truncated Ogg": (OGG[: len(OGG) // 2], "truncated or broken: Ogg: the last page is missing"),
    "Ogg without its last bytes": (OGG[:-3], "truncated or broken: Ogg: the last page ends early"),
    "part of a header": (WAV[:30], "truncated or broken: WAV: "),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(50), "not a sound: the bytes begin with b'\\x89PNG"),
    "MP4": (
        b"\0\0\0\x20ftypM4A " + bytes(50),
        "unsupported format: the bytes are MP4 (AAC); convert it to WAV or FLAC",
    ),
    "AAC": (b"\xff\xf1\x50\x80" + bytes(50), "unsupported format: the bytes are AAC; convert it to WAV or FLAC"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_heard_is_refused_with_a_reason(name):
    content, reason = REFUSED[name]
    with pytest.raises(UnreadableError) as found:
        SOUND.prepare(content, None)
    assert str(found.value).startswith(reason)


def test_the_rate_of_a_studio_is_resampled():
    decoded = decode(encoded(tone(1, 192_000), 192_000))
    np.testing.assert_allclose(resampled(decoded.samples, 192_000, 16_000)[100:-100], tone()[100:-100], atol=1e-3)


@pytest.mark.parametrize("channels", [2, 8])
def test_channels_are_mixed_to_their_mean(channels):
    given = np.stack([tone(pitch=200 * (1 + place)) for place in range(channels)], axis=1)
    decoded = decode(encoded(given, subtype="FLOAT"))
    np.testing.assert_allclose(decoded.samples, given.mean(axis=1), atol=1e-6)
    assert decoded.notes == (f"{channels} channels were mixed to one",)


def test_eight_bits_are_enough():
    decoded = decode(encoded(tone(), subtype="PCM_U8"))
    np.testing.assert_allclose(decoded.samples, tone(), atol=1 / 100)


def test_a_header_that_declares_no_length_is_a_stream():
    data = WAV.index(b"data") + 4
    for length in (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f"):
        np.testing.assert_array_equal(decode(WAV[:data] + length + WAV[data + 4 :]).samples, decode(WAV).samples)


@pytest.mark.parametrize("content", [WAV, FLAC, OGG, AIFF, MP3], ids=["WAV", "FLAC", "Ogg", "AIFF", "MP3"])
def test_damaged_files_are_heard_or_refused_and_nothing_else(content):
    chance, refused = np.random.default_rng(0), 0
    for _ in range(40):
        damaged = bytearray(content)
        for place in chance.integers(0, 200, 12):
            damaged[place] = chance.integers(256)
        try:
            assert np.isfinite(decode(bytes(damaged)).samples).all()
        except UnreadableError:
            refused += 1
    assert refused > 0


@pytest.fixture
def ten_hours(tmp_path):
    """A WAV file of ten hours, of which nearly nothing is on the disk."""
    path = tmp_path / "ward.wav"
    size = 10 * 3600 * 16_000 * 2
    head = wav_file(b"", 16_000, kind=1, bits=16)
    with path.open("wb") as stream:
        stream.write(head[:4] + struct.pack("<I", size + 36) + head[8:40] + struct.pack("<I", size))
        stream.truncate(44 + size)
        stream.seek(44 + 2 * 16_000 * 35_995)
        stream.write(np.full(16_000, 9000, "<i2").tobytes())
    return path


def test_ten_hours_take_the_memory_of_a_window(ten_hours):
    tracemalloc.start()
    table = expand(ItemTable("t", "t", (Item("ward.wav", FileSource(ten_hours)),), Ledger()))
    decoded = decode(table.items[-1].source.read())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(table.items) == 360
    assert table.ledger.notes[-1] == "Of ward.wav, 360 of 3600 windows are used, evenly spaced."
    assert table.items[-1].id == "ward.wav [35990:36000 s]"
    assert np.count_nonzero(decoded.samples) == 16_000
    assert peak < 8e6


def test_a_long_file_that_was_not_divided_is_read_no_further_than_its_first_window():
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros(16_000 * 600, np.int16), 16_000, format="FLAC")
    tracemalloc.start()
    decoded = decode(stream.getvalue())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(decoded.samples), decoded.milliseconds) == (160_000, 600_000)
    assert peak < 8e6


def test_a_long_recording_that_breaks_off_loses_what_is_lost_and_no_more():
    samples = np.random.default_rng(0).integers(-9000, 9000, 16_000 * 40).astype(np.int16)
    content = encoded(samples, kind="FLAC")
    items = expand(ItemTable("t", "t", (Item("a", BytesSource(content[: len(content) // 2])),), Ledger())).items
    outcomes = []
    for item in items:
        try:
            outcomes.append(len(decode(item.source.read()).samples))
        except UnreadableError:
            outcomes.append(0)
    assert outcomes[0] == 160_000
    assert outcomes[2:] == [0, 0]


def test_the_ledger_says_what_could_not_be_heard(tmp_path):
    """All in one folder, through the pass over the data."""
    for number, (content, _) in enumerate(REFUSED.values()):
        (tmp_path / f"{number:02d}.wav").write_bytes(content)
    (tmp_path / "good.wav").write_bytes(WAV)
    paths = sorted(tmp_path.iterdir())
    table = expand(ItemTable("t", "t", tuple(Item(path.name, FileSource(path)) for path in paths), Ledger()))
    assert sum(isinstance(item.source, WindowSource) for item in table.items) > 5
    extraction = extract(table.items, read_digests(table.items), modality=SOUND, source=None)
    assert extraction.readable.tolist() == [len(REFUSED)]
    reasons = [reason for _, reason in sorted(extraction.failures.items())]
    for reason, (_, expected) in zip(reasons, REFUSED.values(), strict=True):
        assert reason.startswith(expected)
