"""What is made of a sound's samples: energies on the mel scale, their logarithms, cepstral coefficients.

Four ways of cutting frames and pressing energies together are in use, each as its library does it:

============= ============================ ================================= ====================================
compression   frames                       value of a band's energy *e*      shorter sounds are filled up
============= ============================ ================================= ====================================
``"whisper"`` centred on multiples of the  ``(max(log10 e, L - 8) + 4) / 4``, with silence
              hop, edges mirrored          L the greatest of all
``"kaldi"``   within the sound; mean taken ``ln max(e, 2 ** -23)``           with frames of zeros
              off, 0.97 of the sample
              before subtracted
``"power"``   centred, edges silent        ``e`` (librosa)                   with silence
``"decibel"`` centred, edges silent        ``10 log10 max(e, 1e-10)``        with silence
============= ============================ ================================= ====================================

Checked against transformers' feature extractors and ``audio_utils``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

MelScale = Literal["slaney", "htk", "kaldi"]
Compression = Literal["whisper", "kaldi", "power", "decibel"]

_LEAST_ENERGY = 1e-10
_KALDI_LEAST_ENERGY = 2.0**-23
_PREEMPHASIS = 0.97
_FRAMES_AT_A_TIME = 2048


@dataclass(frozen=True, slots=True)
class MelSettings:
    """What a mel spectrum depends on beside the samples.

    Attributes:
        rate: Samples per second.
        mels: Number of bands.
        window: Samples under a frame's Hann window.
        hop: Samples from one frame to the next.
        fft: Length of the Fourier transform, at least ``window``.
        low: Lower edge of the lowest band, in hertz.
        high: Upper edge of the highest band, in hertz.
        scale: Where the bands lie.
        compression: See the table above.
    """

    rate: int
    mels: int
    window: int
    hop: int
    fft: int
    low: float
    high: float
    scale: MelScale
    compression: Compression


def mel_spectrum(
    samples: NDArray[np.float32], settings: MelSettings, *, frames: int | None = None
) -> NDArray[np.float32]:
    """The energy of each band in each frame, pressed together.

    Args:
        samples: ``(T,)``, mono, at ``settings.rate``; full scale is -1 to 1.
        settings: See there.
        frames: The sound is cut or filled up to so many; ``None`` takes all of it.

    Returns:
        float32 ``(frames, mels)``.
    """
    if frames is not None:
        samples = _fitted(samples, settings, frames)
    energies = _band_energies(_framed(samples, settings), settings)
    values = _COMPRESSIONS[settings.compression](energies)
    return values if frames is None else _with_length(values, frames)


@functools.lru_cache(maxsize=32)
def mel_filters(settings: MelSettings) -> NDArray[np.float32]:
    """Triangles that overlap by half, evenly spaced on the mel scale.

    ``"slaney"``: linear up to 1 kHz, logarithmic above, each triangle of area 1 (M. Slaney, "Auditory Toolbox",
    1998). ``"htk"``: ``2595 log10(1 + f / 700)``, each triangle of height 1 (S. Young et al., "The HTK Book").
    ``"kaldi"``: as ``"htk"``, but straight on the mel axis, not on the one of frequencies.

    Returns:
        float32 ``(fft // 2 + 1, mels)``: what a Fourier coefficient's energy counts in a band.
    """
    low, high = map(float, _mel(np.array([settings.low, settings.high]), settings.scale))
    edges = np.linspace(low, high, settings.mels + 2)
    bins = np.linspace(0.0, settings.rate / 2, settings.fft // 2 + 1)
    if settings.scale == "kaldi":
        bins = _mel(bins, settings.scale)
    else:
        edges = _hertz(edges, settings.scale)
    rising = (bins[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins[:, None]) / np.diff(edges)[1:]
    filters = np.maximum(0, np.minimum(rising, falling))
    areas = (edges[2:] - edges[:-2]) / 2 if settings.scale == "slaney" else np.ones(settings.mels)
    found: NDArray[np.float32] = (filters / areas).astype(np.float32)
    return found


def cepstrum(decibels: NDArray[np.float32], coefficients: int) -> NDArray[np.float32]:
    """Mel-frequency cepstral coefficients: the cosine transform of each frame's logarithmic energies.

    ``c_k = s_k sum_m x_m cos(pi k (2 m + 1) / 2 M)``, ``s_0 = sqrt(1 / M)``, else ``sqrt(2 / M)``: the orthonormal
    DCT-II (S. Davis, P. Mermelstein, "Comparison of parametric representations for monosyllabic word recognition",
    1980).

    Args:
        decibels: ``(frames, mels)``.
        coefficients: How many are kept, from the zeroth.

    Returns:
        float32 ``(frames, coefficients)``.
    """
    mels = decibels.shape[1]
    angles = np.pi / (2 * mels) * np.outer(2 * np.arange(mels) + 1, np.arange(coefficients))
    basis = np.cos(angles) * np.sqrt(2 / mels)
    basis[:, 0] /= np.sqrt(2)
    found: NDArray[np.float32] = decibels @ basis.astype(np.float32)
    return found


def _mel(hertz: NDArray[np.float64], scale: MelScale) -> NDArray[np.float64]:
    if scale == "slaney":
        above = 15 + np.log(np.maximum(hertz, 1000) / 1000) * (27 / np.log(6.4))
        return np.where(hertz < 1000, hertz * 3 / 200, above)
    mels: NDArray[np.float64] = 2595 * np.log10(1 + hertz / 700)
    return mels


def _hertz(mels: NDArray[np.float64], scale: MelScale) -> NDArray[np.float64]:
    if scale == "slaney":
        return np.where(mels < 15, mels * 200 / 3, 1000 * np.exp((mels - 15) * (np.log(6.4) / 27)))
    hertz: NDArray[np.float64] = 700 * (10 ** (mels / 2595) - 1)
    return hertz


@functools.lru_cache(maxsize=32)
def _window(settings: MelSettings) -> NDArray[np.float32]:
    """A Hann window, periodic but for Kaldi's; one shorter than the transform lies in the middle of it."""
    places = np.arange(settings.window)
    period = settings.window - 1 if settings.compression == "kaldi" else settings.window
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * places / period)
    if settings.compression == "kaldi":
        return hann.astype(np.float32)
    before = (settings.fft - settings.window) // 2
    return np.pad(hann, (before, settings.fft - settings.window - before)).astype(np.float32)


def _fitted(samples: NDArray[np.float32], settings: MelSettings, frames: int) -> NDArray[np.float32]:
    """The samples that the first ``frames`` frames reach, with silence behind them where frames are not filled up."""
    if settings.compression == "kaldi":
        return samples[: (frames - 1) * settings.hop + settings.window]
    if settings.compression == "whisper":
        return _with_length(samples, frames * settings.hop)
    return _with_length(samples, (frames - 1) * settings.hop + settings.fft // 2)


def _with_length(values: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """Cut or filled up with zeros along the first axis."""
    missing = max(0, length - len(values))
    return np.pad(values[:length], [(0, missing)] + [(0, 0)] * (values.ndim - 1))


def _framed(samples: NDArray[np.float32], settings: MelSettings) -> NDArray[np.float32]:
    """A view of the samples, ``(frames, window)``; a sound too short for a frame is filled up to one."""
    length = settings.window if settings.compression == "kaldi" else settings.fft
    if settings.compression == "whisper":
        half = settings.fft // 2
        samples = np.pad(_with_length(samples, max(len(samples), half + 1)), half, mode="reflect")
    elif settings.compression != "kaldi":
        samples = np.pad(samples, settings.fft // 2)
    samples = _with_length(samples, max(len(samples), length))
    frames = np.lib.stride_tricks.sliding_window_view(samples, length)[:: settings.hop]
    return frames[:-1] if settings.compression == "whisper" and len(frames) > 1 else frames


def _band_energies(frames: NDArray[np.float32], settings: MelSettings) -> NDArray[np.float32]:
    """A few frames at a time, so that a long sound takes no more memory than its result."""
    energies = np.empty((len(frames), settings.mels), dtype=np.float32)
    for start in range(0, len(frames), _FRAMES_AT_A_TIME):
        some = frames[start : start + _FRAMES_AT_A_TIME]
        if settings.compression == "kaldi":
            some = _emphasised(some - some.mean(axis=1, keepdims=True))
        spectrum = np.fft.rfft(some * _window(settings), n=settings.fft, axis=1)
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        np.matmul(power, mel_filters(settings), out=energies[start : start + len(some)])
    return energies


def _emphasised(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each sample less 0.97 of the one before; the first less 0.97 of itself."""
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    return np.asarray(frames - _PREEMPHASIS * before, dtype=np.float32)


def _whisper(energies: NDArray[np.float32]) -> NDArray[np.float32]:
    logs: NDArray[np.float32] = np.log10(np.maximum(energies, _LEAST_ENERGY))
    return np.asarray((np.maximum(logs, logs.max() - 8) + 4) / 4, dtype=np.float32)


def _kaldi(energies: NDArray[np.float32]) -> NDArray[np.float32]:
    logs: NDArray[np.float32] = np.log(np.maximum(energies, _KALDI_LEAST_ENERGY))
    return logs


def _power(energies: NDArray[np.float32]) -> NDArray[np.float32]:
    return energies


def _decibel(energies: NDArray[np.float32]) -> NDArray[np.float32]:
    decibels: NDArray[np.float32] = 10 * np.log10(np.maximum(energies, _LEAST_ENERGY))
    return decibels


_COMPRESSIONS = {"whisper": _whisper, "kaldi": _kaldi, "power": _power, "decibel": _decibel}
