"""What is made of a decoded sound: a log-mel picture, cepstral statistics, what a report shows and plays.

One spectrogram serves all of them: 128 bands up to 8 kHz, in decibels below the loudest place of the clip. Where a
recording has fewer than 16,000 samples per second the bands above half its rate stay dark: the axis means the same for
all recordings, and nothing is invented.
"""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headstart.data.image_views import perceptual_hash
from headstart.data.sound_windows import wav_file
from headstart.data.sounds import DecodedSound, resampled
from headstart.data.spectra import MelSettings, cepstrum, mel_spectrum

#: The one spectrogram: frames of 25 ms every 10 ms.
SETTINGS = MelSettings(
    rate=16_000, mels=128, window=400, hop=160, fft=1024, low=20.0, high=8000.0, scale="slaney", compression="decibel"
)

#: What lies so many decibels below the loudest place of a clip is as dark as silence.
DEPTH = 60.0

#: Decibels that stand for no energy at all.
_SILENCE = -100.0

COEFFICIENTS = 13
PARTS = 3

_THUMBNAIL = (160, 96)
_PLAYED_SECONDS = 5
_PLAYED_RATE = 12_000
_INTEGER_SAMPLES = 1
# Dark violet over red and orange to a pale yellow; brightness grows evenly.
_COLOURS = np.array([(6, 4, 22), (58, 15, 110), (140, 41, 129), (222, 73, 104), (254, 159, 109), (252, 253, 191)])


def log_mel(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    """Decibels above the floor, which lies :data:`DEPTH` below the loudest place.

    Args:
        samples: ``(T,)``, mono.
        rate: Samples per second.

    Returns:
        float32 ``(frames, 128)``, 0 to 60; 0 everywhere where there is silence.
    """
    decibels = mel_spectrum(resampled(samples, rate, SETTINGS.rate), SETTINGS)
    floor = max(float(decibels.max()) - DEPTH, _SILENCE)
    levels: NDArray[np.float32] = np.maximum(decibels - np.float32(floor), 0)
    return levels


def picture(levels: NDArray[np.float32], size: int) -> NDArray[np.uint8]:
    """The spectrogram as a grey picture of the whole clip, low tones at the bottom.

    Time and frequency are stretched to the square, whatever the clip's length: of 0 to 60 decibels come 0 to 255.

    Args:
        levels: From :func:`log_mel`.
        size: Side in pixels.

    Returns:
        uint8 ``(size, size, 3)``, three equal channels.
    """
    grey = np.asarray(Image.fromarray(_grey(levels)).resize((size, size), Image.Resampling.BILINEAR))
    return np.repeat(grey[:, :, None], 3, axis=2)


def mfcc_statistics(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the plain baseline learns from: how the first 13 cepstral coefficients are distributed, and when.

    The standard deviation of each over the clip, that of its slope (the regression over two frames on either side, as
    in S. Young et al., "The HTK Book"), and its mean in each third of the clip.

    Args:
        levels: From :func:`log_mel`.

    Returns:
        float32 ``(65,)``.
    """
    coefficients = cepstrum(levels, COEFFICIENTS)
    edges = np.linspace(0, len(coefficients), PARTS + 1)
    parts = [coefficients[int(start) : int(np.ceil(stop))].mean(axis=0) for start, stop in pairwise(edges)]
    found = np.concatenate([coefficients.std(axis=0), _slopes(coefficients).std(axis=0), *parts])
    return found.astype(np.float32)


def near_hash(levels: NDArray[np.float32]) -> int:
    """64 bits of which recordings that sound alike share nearly all: the difference hash of the spectrogram."""
    return perceptual_hash(picture(levels, 64))


def thumbnail(levels: NDArray[np.float32]) -> bytes:
    """The spectrogram in colours, a PNG of 160 × 96 pixels."""
    image = Image.fromarray(_grey(levels)).resize(_THUMBNAIL, Image.Resampling.BILINEAR)
    places = np.linspace(0, 255, len(_COLOURS))
    palette = np.stack([np.interp(np.arange(256), places, channel) for channel in _COLOURS.T], axis=1)
    image.putpalette(palette.round().astype(np.uint8).tobytes())
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def player(sound: DecodedSound) -> bytes:
    """The first five seconds, a WAV of 16-bit integers with at most 12,000 samples per second; 120 kB at most.

    What is louder than full scale is made as loud as that.
    """
    rate = min(sound.rate, _PLAYED_RATE)
    samples = resampled(sound.samples[: _PLAYED_SECONDS * sound.rate], sound.rate, rate)
    scaled = samples * (32_767 / max(1.0, float(np.abs(samples).max())))
    return wav_file(scaled.round().astype("<i2").tobytes(), rate, kind=_INTEGER_SAMPLES, bits=16)


def _grey(levels: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Bytes ``(128, frames)``, the highest band first."""
    return np.ascontiguousarray(np.rint(levels.T[::-1] * np.float32(255 / DEPTH)).astype(np.uint8))


def _slopes(values: NDArray[np.float32]) -> NDArray[np.float32]:
    padded = np.pad(values, ((2, 2), (0, 0)), mode="edge")
    return np.asarray((2 * (padded[4:] - padded[:-4]) + padded[3:-1] - padded[1:-3]) / 10, dtype=np.float32)
