"""Sounds: the one rule by which files become samples, in training, in serving and in every export.

1. The bytes decide the format, never the file's name. WAV, AIFF, FLAC, Ogg (Vorbis, Opus, FLAC) and MP3 are read by
   libsndfile, nothing else is tried.
2. Full scale is -1 to 1, whatever the file's bits. Samples that are floats stay as they are; NaN and infinity are
   refused.
3. Several channels are mixed to one: their mean.
4. Samples keep the file's rate; where a backbone wants another one, soxr resamples them at its high quality, as
   librosa and transformers do. More than 768,000 samples per second are refused from the header.
5. At most the first ten seconds are decoded. Longer recordings become windows of ten seconds before
   (``data/sound_windows.py``).
6. A file without samples is refused, and so is one that ends before what its header declares. An Ogg file has to end
   with its last page, and a FLAC file has to declare its length; an MP3 is a stream, as long as it plays, and so is a
   WAV whose header declares no length.
"""

from __future__ import annotations

import hashlib
import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UnavailableError
from headstart.data.items import Content, UnreadableError
from headstart.data.sound_formats import ENDINGS, format_of, why_no_format, why_truncated

#: Endings of the files that count as sounds when a folder is looked through.
SUFFIXES = frozenset().union(*ENDINGS.values())

#: Seconds of a sound that are decoded.
MOST_SECONDS = 10

#: A sound of more samples per second is refused from its header.
MOST_RATE = 768_000

_BLOCK = 65_536
_UNKNOWN = 2**62
#: No format packs more samples into a byte, not even of silence.
_MOST_PER_BYTE = 8192


@dataclass(frozen=True, slots=True)
class SoundHeader:
    """What a file says of itself.

    Attributes:
        format: ``"WAV"``, ``"FLAC"``, ...
        rate: Samples per second.
        channels: Number of channels.
        frames: Samples in each channel; of an MP3 without a table of contents it is an estimate.
    """

    format: str
    rate: int
    channels: int
    frames: int


@dataclass(frozen=True, slots=True, eq=False)
class DecodedSound:
    """A sound as every part of headstart hears it.

    Attributes:
        samples: float32 ``(T,)``, mono, full scale -1 to 1; the first ten seconds where there are more.
        rate: Samples per second.
        milliseconds: Length of the original.
        format: ``"WAV"``, ``"FLAC"``, ...
        notes: What somebody should know: mixed channels, silence, what was left out.
    """

    samples: NDArray[np.float32]
    rate: int
    milliseconds: int
    format: str
    notes: tuple[str, ...] = ()


def decode(content: Content) -> DecodedSound:
    """Decodes a sound by the rule at the top of this file.

    Args:
        content: Encoded bytes.

    Raises:
        UnreadableError: It cannot be decoded; ``kind`` is one of ``"empty file"``, ``"not a sound"``, ``"unsupported
            format"``, ``"too many samples"``, ``"truncated or broken"``, ``"no samples"``, ``"not finite"``.
        UnavailableError: soundfile is not installed.
    """
    if isinstance(content, np.ndarray):
        raise UnreadableError("not a sound", f"expected the bytes of a file, but got an array of shape {content.shape}")
    with opened(io.BytesIO(content)) as (sound, header):
        most = MOST_SECONDS * header.rate
        samples = read_mixed(sound, 0, min(header.frames, most))
    if not np.isfinite(samples).all():
        bad = len(samples) - int(np.isfinite(samples).sum())
        raise UnreadableError("not finite", f"{bad:,} of {len(samples):,} samples are NaN or infinite")
    frames = header.frames if len(samples) == most else len(samples)
    milliseconds = round(1000 * frames / header.rate)
    return DecodedSound(samples, header.rate, milliseconds, header.format, _notes(samples, header, frames))


def read_header(content: Path | bytes) -> SoundHeader:
    """What a sound says of itself, read in bounded memory.

    Raises:
        UnreadableError: As :func:`decode` does.
        OSError: The file cannot be opened.
    """
    with open_stream(content) as stream, opened(stream) as (_, header):
        return header


def open_stream(content: Path | bytes) -> IO[bytes]:
    """The bytes of a file or in memory as something to read and seek in."""
    return content.open("rb") if isinstance(content, Path) else io.BytesIO(content)


@contextmanager
def opened(stream: IO[bytes]) -> Iterator[tuple[Any, SoundHeader]]:
    """What libsndfile makes of a sound, a ``soundfile.SoundFile``, once the header has been found to be sane.

    Raises:
        UnreadableError: The header is refused, or what is done with the sound meets broken data.
    """
    start = stream.read(64)
    kind = format_of(start)
    if kind is None:
        raise why_no_format(start)
    if reason := why_truncated(stream, kind):
        raise UnreadableError("truncated or broken", f"{kind}: {reason}")
    length = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    soundfile = _soundfile()
    try:
        with soundfile.SoundFile(_Unwarped(stream)) as sound:
            yield sound, _checked(SoundHeader(kind, sound.samplerate, sound.channels, sound.frames), length)
    except soundfile.LibsndfileError as error:
        raise UnreadableError("truncated or broken", f"{kind}: {error.error_string}") from error


def read_mixed(sound: Any, start: int, stop: int) -> NDArray[np.float32]:
    """Samples ``start`` to ``stop`` mixed to one channel, read in small blocks however many channels there are.

    Raises:
        UnreadableError: There are none, or, but for an MP3, fewer than the header declares.
    """
    if start:
        sound.seek(start)
    blocks, missing = [np.empty(0, dtype=np.float32)], stop - start
    while missing > 0:
        block = sound.read(min(missing, max(1, _BLOCK // sound.channels)), dtype="float32", always_2d=True)
        if not len(block):
            break
        blocks.append(block[:, 0] if sound.channels == 1 else block.mean(axis=1))
        missing -= len(block)
    samples = np.concatenate(blocks)
    if not len(samples):
        raise UnreadableError("no samples", "there is a header, but no sound behind it")
    if missing and sound.format != "MP3":
        declared = stop - start
        raise UnreadableError("truncated or broken", f"{len(samples):,} of {declared:,} samples could be decoded")
    return samples


def resampled(samples: NDArray[np.float32], rate: int, to: int) -> NDArray[np.float32]:
    """The sound at another rate: ``ceil(T * to / rate)`` samples, by soxr's high quality.

    A higher rate brings nothing that was not there: above half of the old rate there is silence.

    Args:
        samples: ``(T,)``.
        rate: Samples per second that there are.
        to: Samples per second that are wanted.

    Raises:
        UnavailableError: soxr is not installed.
    """
    if rate == to:
        return samples
    try:
        import soxr
    except ImportError as error:
        raise UnavailableError.missing_extra("Resampling sounds", module="soxr", extra="sound") from error
    length = math.ceil(len(samples) * to / rate)
    found: NDArray[np.float32] = soxr.resample(samples, rate, to)[:length]
    return np.pad(found, (0, length - len(found)))


def of_unit_variance(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(x - mean(x)) / sqrt(var(x) + 1e-7)``, as transformers' ``Wav2Vec2FeatureExtractor`` does."""
    return np.asarray((samples - samples.mean()) / np.sqrt(samples.var() + 1e-7), dtype=np.float32)


def at_least_as_loud(samples: NDArray[np.float32], decibels: float) -> NDArray[np.float32]:
    """Made louder up to a root mean square of so many decibels relative to full scale, where it is softer."""
    power = float(np.square(samples, dtype=np.float64).mean())
    wanted = 10 ** (decibels / 10)
    return samples * np.float32(np.sqrt(wanted / power)) if 0 < power < wanted else samples


def samples_digest(sound: DecodedSound) -> str:
    """SHA-256 over rate, length and samples: the same for two files exactly where they are equal once decoded."""
    what = f"{sound.rate} {sound.milliseconds}".encode()
    return hashlib.sha256(what + sound.samples.tobytes()).hexdigest()


def name_mismatch(name: str, content: bytes) -> str | None:
    """A note where a file's ending says another format than its bytes; ``None`` where they agree.

    Args:
        name: The file's name.
        content: Its bytes; the first 64 are enough.

    Example:
        >>> name_mismatch("bark.wav", b"fLaC")
        "is FLAC although its name ends in '.wav'"
    """
    suffix, kind = PurePath(name).suffix.lower(), format_of(content)
    if kind is None or suffix not in SUFFIXES or suffix in ENDINGS[kind]:
        return None
    return f"is {kind} although its name ends in {suffix!r}"


def decoder_versions() -> str:
    """The libraries that carry out the rule, with their versions."""
    from headstart.core.machine import version

    soundfile = _soundfile()
    return f"soundfile {version('soundfile')}, libsndfile {soundfile.__libsndfile_version__}, soxr {version('soxr')}"


def _soundfile() -> Any:
    try:
        import soundfile
    except (ImportError, OSError) as error:  # the second where its wheel brings no libsndfile and the system has none
        raise UnavailableError.missing_extra("Reading sounds", module="soundfile", extra="sound") from error
    return soundfile


class _Unwarped:
    """A stream for libsndfile, whose MP3 reader seeks to before the beginning of broken files."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.read, self.tell, self._seek = stream.read, stream.tell, stream.seek

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._seek(max(0, offset) if whence == io.SEEK_SET else offset, whence)


def _checked(header: SoundHeader, length: int) -> SoundHeader:
    """The header of a file of ``length`` bytes, where it can be true."""
    if header.rate > MOST_RATE:
        reason = f"the header says {header.rate:,} samples per second, and at most {MOST_RATE:,} are read"
        raise UnreadableError("too many samples", reason)
    if header.frames >= _UNKNOWN:
        raise UnreadableError("unsupported format", f"{header.format} of no declared length; encode it again as a file")
    if header.frames > _MOST_PER_BYTE * length:
        reason = f"{header.format}: {length:,} bytes cannot hold the {header.frames:,} samples that the header declares"
        raise UnreadableError("truncated or broken", reason)
    return header


def _notes(samples: NDArray[np.float32], header: SoundHeader, frames: int) -> tuple[str, ...]:
    """What deserves a word."""
    peak = float(np.abs(samples).max())
    found = []
    if header.channels > 1:
        found.append(f"{header.channels} channels were mixed to one")
    if frames > len(samples):
        found.append(f"only the first {MOST_SECONDS} of {frames / header.rate:.1f} seconds are used")
    if peak == 0:
        found.append("it is silent")
    if peak > 2:
        found.append(f"samples reach {peak:.3g} times full scale")
    return tuple(found)
