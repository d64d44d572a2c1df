"""Random changes of samples and spectra."""

import numpy as np
import pytest
from tests.recordings import tone

from headstart.data import sound_changes

CHANGES = [
    sound_changes.random_speed,
    sound_changes.random_shift,
    sound_changes.random_noise,
    sound_changes.random_gain,
    sound_changes.changed_samples,
]


def chance(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("length", [1, 7, 8000])
def test_a_change_follows_from_its_seed_and_leaves_its_argument_alone(change, length):
    samples = tone()[:length]
    before = samples.copy()
    first = change(samples, chance(1))
    np.testing.assert_array_equal(first, change(samples, chance(1)))
    np.testing.assert_array_equal(samples, before)
    assert first.dtype == np.float32
    assert np.isfinite(first).all()


def test_speed_changes_length_and_pitch_by_up_to_a_tenth():
    lengths, pitches = [], []
    for seed in range(40):
        found = sound_changes.random_speed(tone(1, 16_000, 1000), chance(seed))
        lengths.append(len(found))
        pitches.append(np.abs(np.fft.rfft(found)).argmax() * 16_000 / len(found))
    assert 14_545 <= min(lengths) < 15_000
    assert 17_000 < max(lengths) <= 17_778
    np.testing.assert_allclose(np.array(pitches) * lengths, 16e6, rtol=2e-3)


def test_a_shift_moves_by_up_to_a_tenth_and_leaves_silence():
    shifts = set()
    for seed in range(60):
        found = sound_changes.random_shift(np.arange(1, 101, dtype=np.float32), chance(seed))
        kept = np.flatnonzero(found)
        shift = int(kept[0] + 1 - found[kept[0]])
        np.testing.assert_array_equal(found[kept], kept - shift + 1)
        assert len(kept) == 100 - abs(shift)
        shifts.add(shift)
    assert -10 <= min(shifts) <= -8
    assert 8 <= max(shifts) <= 10


def test_noise_lies_twenty_to_fifty_decibels_below_the_sound():
    ratios = []
    for seed in range(60):
        noise = sound_changes.random_noise(tone(), chance(seed)) - tone()
        ratios.append(10 * np.log10(np.square(tone()).mean() / np.square(noise).mean()))
    assert 19.8 < min(ratios) < 24
    assert 46 < max(ratios) < 50.2


def test_noise_is_not_added_to_silence():
    assert not sound_changes.random_noise(np.zeros(50, np.float32), chance()).any()


def test_gain_is_up_to_six_decibels():
    gains = [float(sound_changes.random_gain(np.ones(1, np.float32), chance(seed))[0]) for seed in range(60)]
    assert 0.5 < min(gains) < 0.6
    assert 1.8 < max(gains) < 2.0


@pytest.mark.parametrize("shape", [(100, 80), (64, 64, 3)])
def test_masks_are_a_band_of_at_most_a_tenth_of_each_axis(shape):
    widths = []
    for seed in range(50):
        found = sound_changes.masked(np.ones(shape, np.float32), chance(seed), fill=0.0)
        places = (found[..., 0] if len(shape) == 3 else found) == 0
        rows, columns = places.all(axis=1), places.all(axis=0)
        np.testing.assert_array_equal(places, rows[:, None] | columns[None, :])
        for band in (rows, columns):
            assert np.abs(np.diff(band.astype(int))).sum() <= 2  # it is in one piece
        widths.append((rows.mean(), columns.mean()))
    assert np.max(widths) <= 0.1
    assert (np.mean(widths, axis=0) > 0.03).all()


@pytest.mark.parametrize(("shape", "axis"), [((6,), 0), ((6, 4), 0), ((6, 4, 3), 1)])
def test_backwards_turns_time_alone(shape, axis):
    given = np.arange(np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(sound_changes.backwards(given), np.flip(given, axis))
