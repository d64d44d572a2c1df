"""What is made of a decoded sound."""

import io

import numpy as np
import pytest
import soundfile
from PIL import Image
from tests.recordings import tone

from headstart.data import sound_views
from headstart.data.sounds import DecodedSound


def chirp(seconds=1.0, rate=16_000, start=300, stop=3000):
    time = np.arange(int(seconds * rate)) / rate
    pitch = start + (stop - start) * time / seconds / 2
    return (0.3 * np.sin(2 * np.pi * pitch * time)).astype(np.float32)


def test_the_floor_lies_sixty_decibels_below_the_loudest_place_however_loud_the_clip():
    levels = sound_views.log_mel(chirp(), 16_000)
    assert levels.shape == (101, 128)
    assert (levels.min(), levels.max()) == (0, pytest.approx(60))
    np.testing.assert_allclose(sound_views.log_mel(chirp() / 50, 16_000), levels, atol=0.05)


def test_silence_is_dark():
    assert not sound_views.picture(sound_views.log_mel(np.zeros(800, np.float32), 8000), 32).any()


def test_a_rising_tone_rises_in_the_picture_and_time_runs_to_the_right():
    picture = sound_views.picture(sound_views.log_mel(chirp(), 16_000), 64)
    assert (picture.shape, picture.dtype) == ((64, 64, 3), np.uint8)
    assert (picture[:, :, 0] == picture[:, :, 2]).all()
    heights = picture[:, 4:-4, 0].argmax(axis=0)
    assert (np.diff(heights) <= 0).all()
    assert heights[0] - heights[-1] > 15


def test_a_recording_of_fewer_samples_looks_the_same_where_it_has_sound_and_dark_above():
    fine, coarse = (sound_views.log_mel(chirp(rate=rate, stop=2500), rate) for rate in (16_000, 8000))
    np.testing.assert_allclose(fine[5:-5, :80], coarse[5:-5, :80], atol=3)
    above = np.random.default_rng(0).standard_normal(8000).astype(np.float32)
    assert sound_views.log_mel(above, 8000)[2:-2, -20:].max() == 0


def test_the_statistics_of_a_clip_tell_when_it_sounds_and_not_how_loud():
    found = sound_views.mfcc_statistics(sound_views.log_mel(chirp(), 16_000))
    assert (found.shape, found.dtype) == ((65,), np.float32)
    softer = sound_views.mfcc_statistics(sound_views.log_mel(chirp() / 2, 16_000))
    np.testing.assert_allclose(found, softer, atol=0.05)
    falling = sound_views.mfcc_statistics(sound_views.log_mel(chirp()[::-1].copy(), 16_000))
    np.testing.assert_allclose(found[:13], falling[:13], rtol=0.1, atol=2)
    assert np.abs(found[26:39] - falling[26:39]).max() > 20


def test_the_hash_forgives_a_change_of_loudness_and_rate():
    one = sound_views.near_hash(sound_views.log_mel(chirp(), 16_000))
    for samples, rate in ((chirp() / 9, 16_000), (chirp(rate=44_100), 44_100)):
        assert int.bit_count(one ^ sound_views.near_hash(sound_views.log_mel(samples, rate))) <= 3
    assert int.bit_count(one ^ sound_views.near_hash(sound_views.log_mel(chirp(start=3000, stop=300), 16_000))) > 3


@pytest.mark.parametrize("length", [1, 2, 100, 401])
def test_even_a_few_samples_have_all_of_it(length):
    levels = sound_views.log_mel(tone()[:length], 16_000)
    assert np.isfinite(sound_views.mfcc_statistics(levels)).all()
    assert sound_views.picture(levels, 32).shape == (32, 32, 3)
    assert 0 <= sound_views.near_hash(levels) < 2**64


def test_the_thumbnail_is_a_small_coloured_picture():
    content = sound_views.thumbnail(sound_views.log_mel(chirp(), 16_000))
    image = Image.open(io.BytesIO(content))
    assert (image.format, image.size) == ("PNG", (160, 96))
    assert len(image.convert("RGB").getcolors(10_000)) > 50
    assert len(content) < 20_000


@pytest.mark.parametrize(("rate", "played"), [(44_100, 12_000), (8000, 8000)])
def test_the_player_has_the_first_five_seconds_without_clipping(rate, played):
    content = sound_views.player(DecodedSound(3 * tone(7, rate), rate, 7000, "WAV"))
    samples, found = soundfile.read(io.BytesIO(content))
    assert (found, len(samples)) == (played, 5 * played)
    assert len(content) <= 120_044
    assert np.abs(samples).max() == pytest.approx(1, abs=1e-3)
    assert np.corrcoef(samples, tone(5, played))[0, 1] > 0.999
