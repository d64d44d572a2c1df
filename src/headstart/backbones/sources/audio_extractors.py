"""What transformers' feature extractors do to a sound, as a :class:`WaveformPreprocess` or a :class:`MelPreprocess`."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

from headstart.backbones.sound_preprocess import MelPreprocess, WaveformPreprocess
from headstart.core.errors import UnavailableError

#: Models that take samples take any number of them, and no file says how many; the cost grows with the number, that of
#: attention with its square. Five seconds hold a command, a short sentence, a noise; the rest of a longer clip is not
#: heard, nor that of a long recording's window.
CLIP_SECONDS = 5

SoundPreprocess = WaveformPreprocess | MelPreprocess


def sound_preprocess_of(settings: Mapping[str, Any], *, extractor: str, name: str) -> SoundPreprocess:
    """The preprocessing that a ``preprocessor_config.json`` asks for; what it leaves open has the library's defaults.

    Args:
        settings: What the file holds.
        extractor: The feature extractor that the architecture goes with, one of :data:`EXTRACTORS`.
        name: The model's, for messages.

    Raises:
        UnavailableError: It names another one, or asks for something that the specs cannot say; the message lists it
            all.
    """
    named = str(settings.get("feature_extractor_type") or extractor)
    if named != extractor:
        raise UnavailableError(
            f"Expected {name} to prepare sounds with {extractor}, as its architecture does, but it names {named}; "
            "choose another model."
        )
    values = _with_defaults(settings, extractor)
    if problems := _problems(values):
        raise UnavailableError(
            f"Expected {name} to take mono sounds that are filled up with silence at the end, but its {extractor} asks "
            f"for {' and '.join(problems)}; choose another model."
        )
    return EXTRACTORS[extractor](values)


def _with_defaults(settings: Mapping[str, Any], extractor: str) -> dict[str, Any]:
    import transformers

    with warnings.catch_warnings():
        # The spectrogram transformer's own 128 bands are so many that the lowest of them stay empty.
        warnings.filterwarnings("ignore", message="At least one mel filter has all zero values")
        values: dict[str, Any] = getattr(transformers, extractor).from_dict(dict(settings)).to_dict()
    return values


def _waveform(values: Mapping[str, Any]) -> WaveformPreprocess:
    rate = int(values["sampling_rate"])
    return WaveformPreprocess(rate, CLIP_SECONDS * rate, bool(values["do_normalize"]))


def _spectrogram_transformer(values: Mapping[str, Any]) -> MelPreprocess:
    """Kaldi's filterbank; the library divides by twice what it calls the standard deviation."""
    rate = int(values["sampling_rate"])
    normalised = bool(values["do_normalize"])
    return MelPreprocess(
        rate=rate,
        frames=int(values["max_length"]),
        mels=int(values["num_mel_bins"]),
        window=rate // 40,
        hop=rate // 100,
        fft=1 << (rate // 40 - 1).bit_length(),
        low=20.0,
        high=rate / 2,
        scale="kaldi",
        compression="kaldi",
        mean=float(values["mean"]) if normalised else 0.0,
        std=2 * float(values["std"]) if normalised else 1.0,
    )


def _whisper(values: Mapping[str, Any]) -> MelPreprocess:
    rate, hop = int(values["sampling_rate"]), int(values["hop_length"])
    return MelPreprocess(
        rate=rate,
        frames=int(values["chunk_length"]) * rate // hop,
        mels=int(values["feature_size"]),
        window=int(values["n_fft"]),
        hop=hop,
        fft=int(values["n_fft"]),
        low=0.0,
        high=8000.0,
        scale="slaney",
        compression="whisper",
        mean=0.0,
        std=1.0,
    )


#: The feature extractors that are understood, and how each becomes a spec.
EXTRACTORS: dict[str, Callable[[Mapping[str, Any]], SoundPreprocess]] = {
    "Wav2Vec2FeatureExtractor": _waveform,
    "ASTFeatureExtractor": _spectrogram_transformer,
    "WhisperFeatureExtractor": _whisper,
}


def _problems(values: Mapping[str, Any]) -> list[str]:
    mels = values["feature_extractor_type"] == "WhisperFeatureExtractor"
    found = {
        f"{values['feature_size']} channels": not mels and values["feature_size"] != 1,
        f"padding with {values['padding_value']}": values["padding_value"] != 0,
        f"padding on the {values.get('padding_side')}": values.get("padding_side", "right") != "right",
        "noise": bool(values.get("dither")),
    }
    return [problem for problem, there in found.items() if there]
