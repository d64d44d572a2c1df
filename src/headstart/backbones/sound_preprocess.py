"""How a decoded sound becomes a backbone's input: as samples, or as a spectrogram on the mel scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from headstart.data.spectra import Compression, MelScale, MelSettings


@dataclass(frozen=True, slots=True)
class WaveformPreprocess:
    """Mono samples at one rate, cut or filled up with zeros at the end.

    Attributes:
        rate: Samples per second.
        samples: Length of the input.
        unit_variance: Whether the clip's own samples get zero mean and unit variance, before they are filled up:
            ``(x - mean(x)) / sqrt(var(x) + 1e-7)``, as ``Wav2Vec2FeatureExtractor`` does.
    """

    kind: ClassVar[str] = "waveform"

    rate: int
    samples: int
    unit_variance: bool

    @property
    def size(self) -> int:
        """The number of samples."""
        return self.samples

    @property
    def axes(self) -> tuple[int, ...]:
        """``(samples,)``."""
        return (self.samples,)

    @property
    def has_context(self) -> bool:
        """No."""
        return False

    @property
    def assets(self) -> Mapping[str, str]:
        """None."""
        return {}

    def random_inputs(self, count: int, *, seed: int = 0) -> NDArray[np.float32]:
        """White noise, float32 ``(count, samples)``: of unit variance, or a tenth as loud as full scale."""
        import numpy as np

        noise = np.random.default_rng(seed).standard_normal((count, self.samples), dtype=np.float32)
        return noise if self.unit_variance else noise * np.float32(0.1)

    def fitted_to(self, batches: Iterable[NDArray[np.float32]]) -> WaveformPreprocess:
        """As it is: a network begins with samples of any loudness."""
        return self

    def entrance(self) -> nn.Module:
        """The samples as they are."""
        from headstart.backbones.sound_entrances import SoundEntrance

        return SoundEntrance()


@dataclass(frozen=True, slots=True)
class MelPreprocess:
    """A spectrogram on the mel scale, cut or filled up at the end, less ``mean`` and divided by ``std``.

    Attributes:
        rate: Samples per second.
        frames: Length of the input.
        mels: Number of bands.
        window: Samples in a frame's Hann window.
        hop: Samples from one frame to the next.
        fft: Length of the Fourier transform; a shorter window is filled up with zeros.
        low: Lower edge of the lowest band, in hertz.
        high: Upper edge of the highest band, in hertz.
        scale: Where the bands lie; see :func:`headstart.data.spectra.mel_filters`.
        compression: How frames are cut and what becomes of a band's energy; see :mod:`headstart.data.spectra`.
        mean: Subtracted from the compressed values.
        std: They are divided by it.
        loudness: Quieter clips are raised to this root mean square, in decibels relative to full scale; ``None``
            leaves them as they are. For values that are not logarithms.
    """

    kind: ClassVar[str] = "mel"

    rate: int
    frames: int
    mels: int
    window: int
    hop: int
    fft: int
    low: float
    high: float
    scale: MelScale
    compression: Compression
    mean: float
    std: float
    loudness: float | None = None

    @property
    def size(self) -> int:
        """The number of frames."""
        return self.frames

    @property
    def axes(self) -> tuple[int, ...]:
        """``(frames, mels)``."""
        return (self.frames, self.mels)

    @property
    def has_context(self) -> bool:
        """No."""
        return False

    @property
    def assets(self) -> Mapping[str, str]:
        """None."""
        return {}

    @property
    def settings(self) -> MelSettings:
        """How the spectrum is computed."""
        from headstart.data.spectra import MelSettings

        return MelSettings(
            rate=self.rate,
            mels=self.mels,
            window=self.window,
            hop=self.hop,
            fft=self.fft,
            low=self.low,
            high=self.high,
            scale=self.scale,
            compression=self.compression,
        )

    def random_inputs(self, count: int, *, seed: int = 0) -> NDArray[np.float32]:
        """Noise as spread as real inputs are, float32 ``(count, frames, mels)``; energies are positive."""
        import numpy as np

        noise = np.random.default_rng(seed).standard_normal((count, self.frames, self.mels), dtype=np.float32)
        values = np.float32(self.mean) + np.float32(self.std) * noise
        return np.abs(values) if self.compression == "power" else values

    def fitted_to(self, batches: Iterable[NDArray[np.float32]]) -> MelPreprocess:
        """With mean and standard deviation of these inputs."""
        import numpy as np

        values = np.concatenate([batch.reshape(-1) for batch in batches])
        return replace(self, mean=float(values.mean()), std=max(float(values.std()), 1e-6))

    def entrance(self) -> nn.Module:
        """``(x - mean) / std``."""
        from headstart.backbones.sound_entrances import SoundEntrance

        return SoundEntrance(self.mean, self.std)
