"""The one rule by which files become samples."""

import numpy as np
import pytest
from tests.recordings import encoded, tone
from transformers.audio_utils import load_audio

from headstart.data import sounds
from headstart.data.items import UnreadableError
from headstart.data.sound_windows import float_wav
from headstart.data.sounds import decode, name_mismatch, read_header, resampled, samples_digest

FORMATS = [
    ("WAV", "PCM_16"), ("WAV", "PCM_U8"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "DOUBLE"), ("RF64", "PCM_16"),
    ("AIFF", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "subtype"), FORMATS)
def test_every_format_comes_to_the_same_samples(kind, subtype):
    decoded = decode(encoded(tone(), kind=kind, subtype=subtype))
    assert (decoded.rate, decoded.milliseconds) == (16_000, 1000)
    assert decoded.samples.dtype == np.float32
    assert np.corrcoef(decoded.samples, tone())[0, 1] > 0.99
    assert decoded.notes == ()


def test_decoding_is_what_transformers_does(tmp_path):
    stereo = np.stack([tone(rate=44_100), tone(rate=44_100, pitch=600)], axis=1)
    path = tmp_path / "stereo.flac"
    path.write_bytes(encoded(stereo, 44_100, "FLAC"))
    decoded = decode(path.read_bytes())
    ours = resampled(decoded.samples, decoded.rate, 16_000)
    np.testing.assert_allclose(ours, load_audio(str(path), 16_000, backend="soundfile"), atol=1e-6)
    assert decoded.notes == ("2 channels were mixed to one",)


def test_the_digest_is_that_of_what_is_heard():
    samples = (20_000 * tone()).astype(np.int16)
    wav, flac = encoded(samples), encoded(samples, kind="FLAC")
    twice = encoded(np.stack([samples, samples], axis=1))
    assert len({samples_digest(decode(content)) for content in (wav, flac, twice)}) == 1
    assert samples_digest(decode(wav)) != samples_digest(decode(encoded(samples, 8000)))


def test_ten_seconds_of_a_longer_sound_are_decoded():
    decoded = decode(encoded(tone(11.5)))
    assert len(decoded.samples) == 160_000
    assert decoded.milliseconds == 11_500
    assert decoded.notes == ("only the first 10 of 11.5 seconds are used",)


@pytest.mark.parametrize(
    ("samples", "note"),
    [(np.zeros(100), "it is silent"), (np.full(100, 3000.0), "samples reach 3e+03 times full scale")],
)
def test_silence_and_samples_far_beyond_full_scale_are_noted(samples, note):
    assert decode(float_wav(samples.astype(np.float32), 8000)).notes == (note,)


def test_a_header_is_read_without_the_sound(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(encoded(np.zeros((800, 3)), 8000))
    header = read_header(path)
    assert (header.format, header.rate, header.channels, header.frames) == ("WAV", 8000, 3, 800)
    assert header == read_header(path.read_bytes())


@pytest.mark.parametrize(("rate", "to"), [(8000, 16_000), (44_100, 16_000), (192_000, 16_000), (16_000, 16_000)])
def test_resampling_keeps_a_tone_and_brings_nothing_above_half_the_old_rate(rate, to):
    found = resampled(tone(0.5, rate, 1000), rate, to)
    assert len(found) == to // 2
    spectrum = np.abs(np.fft.rfft(found * np.hanning(len(found))))
    assert np.argmax(spectrum) * 2 == 1000
    assert spectrum[rate // 4 + 20 :].sum() < 1e-3 * spectrum.sum()


@pytest.mark.parametrize("length", [0, 1, 2, 3, 17])
def test_even_a_few_samples_can_be_resampled(length):
    for rate, to in ((44_100, 16_000), (8000, 44_100)):
        assert len(resampled(np.ones(length, np.float32), rate, to)) == -(-length * to // rate)


def test_loudness_is_raised_and_never_lowered():
    raised = sounds.at_least_as_loud(0.001 * tone(), -30)
    assert 10 * np.log10(np.square(raised).mean()) == pytest.approx(-30, abs=1e-3)
    np.testing.assert_array_equal(sounds.at_least_as_loud(tone(), -30), tone())
    np.testing.assert_array_equal(sounds.at_least_as_loud(np.zeros(5, np.float32), -30), 0)


def test_endings_that_say_another_format_are_noted():
    assert name_mismatch("a.wav", encoded(tone(), kind="MP3")) == "is MP3 although its name ends in '.wav'"
    assert name_mismatch("a.WAV", encoded(tone())) is None
    assert name_mismatch("a.ogg", b"no sound at all") is None
    assert name_mismatch("a.txt", encoded(tone())) is None


def test_an_array_is_no_sound():
    with pytest.raises(UnreadableError, match="bytes of a file"):
        decode(np.zeros(10, np.uint8))


def test_the_versions_of_all_decoders_are_named():
    assert {part.split()[0] for part in sounds.decoder_versions().split(", ")} == {"soundfile", "libsndfile", "soxr"}
