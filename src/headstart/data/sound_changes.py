"""Random changes of sounds that must not change their label: of samples before, of spectra after the transform."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from headstart.data.sounds import resampled

#: The most a clip is moved along time, as a share of its length.
MOST_SHIFT = 0.1

#: The most a clip is made louder or softer, in decibels.
MOST_GAIN = 6.0

#: White noise is added with a ratio of signal to noise between these, in decibels.
SIGNAL_TO_NOISE = (20.0, 50.0)

#: The most a clip is played faster or slower, as a share of its speed.
MOST_SPEED = 0.1

#: The largest share of either axis of a spectrum that a mask covers. Frozen features of pictures suffer from more: with
#: two masks of 0.12 along each axis, a probe on spoken digits fell from 0.71 to 0.28; with one it stood at 0.47.
MOST_MASKED = 0.1

_SPEED_STEPS = 1000


def changed_samples(samples: NDArray[np.float32], chance: np.random.Generator) -> NDArray[np.float32]:
    """The samples played at another speed, moved in time, with noise, louder or softer; each of it half of the time.

    Args:
        samples: ``(T,)``, mono.
        chance: Where the draws come from.

    Returns:
        float32 ``(T',)``, at the same rate.
    """
    for change in (random_speed, random_shift, random_noise, random_gain):
        if chance.random() < 0.5:
            samples = change(samples, chance)
    return samples


def random_speed(samples: NDArray[np.float32], chance: np.random.Generator) -> NDArray[np.float32]:
    """Plays at 0.9 to 1.1 times the speed, and so lower or higher.

    T. Ko et al., "Audio augmentation for speech recognition", 2015.
    """
    most = round(_SPEED_STEPS * MOST_SPEED)
    return resampled(samples, _SPEED_STEPS + int(chance.integers(-most, most + 1)), _SPEED_STEPS)


def random_shift(samples: NDArray[np.float32], chance: np.random.Generator) -> NDArray[np.float32]:
    """Moves by up to a tenth of the length in either direction; silence follows."""
    most = int(MOST_SHIFT * len(samples))
    shift = int(chance.integers(-most, most + 1))
    moved = np.zeros_like(samples)
    moved[max(0, shift) : len(samples) + shift] = samples[max(0, -shift) : len(samples) - max(0, shift)]
    return moved


def random_noise(samples: NDArray[np.float32], chance: np.random.Generator) -> NDArray[np.float32]:
    """Adds white noise; 20 to 50 decibels lie between the power of the sound and that of the noise."""
    power = float(np.square(samples, dtype=np.float64).mean())
    level = np.sqrt(power) * 10 ** (-chance.uniform(*SIGNAL_TO_NOISE) / 20)
    return samples + np.float32(level) * chance.standard_normal(len(samples), dtype=np.float32)


def random_gain(samples: NDArray[np.float32], chance: np.random.Generator) -> NDArray[np.float32]:
    """Makes it louder or softer by up to 6 decibels."""
    return samples * np.float32(10 ** (chance.uniform(-MOST_GAIN, MOST_GAIN) / 20))


def masked(spectrum: NDArray[np.generic], chance: np.random.Generator, *, fill: float) -> NDArray[np.generic]:
    """A random band of time and one of frequency are overwritten (SpecAugment: D. Park et al., 2019).

    A band's width is drawn evenly from 0 to a tenth of its axis, then its place. Park et al. draw several of each, and
    warp time, which brought them little; playing faster or slower does it here.

    Args:
        spectrum: ``(A, B)`` or ``(A, B, channels)``; one of the first two axes is time, the other frequency.
        chance: Where the draws come from.
        fill: What is written there.
    """
    found = spectrum.copy()
    for axis in (0, 1):
        length = found.shape[axis]
        width = int(chance.integers(0, int(MOST_MASKED * length) + 1))
        start = int(chance.integers(0, length - width + 1))
        np.moveaxis(found, axis, 0)[start : start + width] = fill
    return found


def backwards(inputs: NDArray[np.generic]) -> NDArray[np.generic]:
    """A prepared input played backwards: rain stays rain, a word does not stay a word.

    Args:
        inputs: Samples ``(T,)``, a spectrum ``(frames, mels)``, or a picture ``(S, S, 3)`` whose time runs to the
            right.
    """
    return np.ascontiguousarray(np.flip(inputs, axis=1 if inputs.ndim == 3 else 0))
