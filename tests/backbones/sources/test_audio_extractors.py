"""What a ``preprocessor_config.json`` asks for, against the library's own feature extractors."""

from typing import Any

import numpy as np
import pytest
import transformers

from headstart.backbones.sound_preprocess import MelPreprocess, WaveformPreprocess
from headstart.backbones.sources.audio_extractors import CLIP_SECONDS, EXTRACTORS, sound_preprocess_of
from headstart.core.errors import UnavailableError

#: Extractor to settings that are not the defaults.
SETTINGS: dict[str, dict[str, Any]] = {
    "Wav2Vec2FeatureExtractor": {"sampling_rate": 8000, "do_normalize": False},
    "ASTFeatureExtractor": {"max_length": 200, "num_mel_bins": 64, "mean": -3.0, "std": 2.0},
    "WhisperFeatureExtractor": {"feature_size": 128, "chunk_length": 3},
}


def test_every_extractor_is_tried_here() -> None:
    assert SETTINGS.keys() == EXTRACTORS.keys()


@pytest.mark.parametrize("extractor", EXTRACTORS)
@pytest.mark.parametrize("changed", [False, True])
def test_a_sound_is_prepared_as_the_library_prepares_it(extractor: str, changed: bool) -> None:
    """A second of noise that fades, with silence behind it; of samples the library fills nothing up itself."""
    from headstart.data.sounds import of_unit_variance
    from headstart.data.spectra import mel_spectrum

    theirs = getattr(transformers, extractor)(**(SETTINGS[extractor] if changed else {}))
    spec = sound_preprocess_of(theirs.to_dict(), extractor=extractor, name="hf:x")
    noise = np.random.default_rng(1).standard_normal(spec.rate).astype(np.float32)
    sound = noise * np.linspace(0.5, 0, spec.rate, dtype=np.float32)
    expected = next(iter(theirs(sound, sampling_rate=spec.rate, return_tensors="np").values()))[0]
    if isinstance(spec, WaveformPreprocess):
        assert spec.samples == CLIP_SECONDS * spec.rate
        np.testing.assert_allclose(of_unit_variance(sound) if spec.unit_variance else sound, expected, atol=1e-5)
        return
    found = (mel_spectrum(sound, spec.settings, frames=spec.frames) - spec.mean) / spec.std
    np.testing.assert_allclose(found, expected.T if extractor.startswith("Whisper") else expected, atol=2e-3)


def test_a_file_that_says_little_has_the_defaults_of_the_architecture() -> None:
    spec = sound_preprocess_of({}, extractor="WhisperFeatureExtractor", name="hf:x")
    assert isinstance(spec, MelPreprocess)
    assert (spec.rate, spec.axes) == (16000, (3000, 80))


def test_an_extractor_of_another_architecture_is_refused() -> None:
    with pytest.raises(UnavailableError, match=r"ASTFeatureExtractor, .* but it names WhisperFeatureExtractor"):
        settings = {"feature_extractor_type": "WhisperFeatureExtractor"}
        sound_preprocess_of(settings, extractor="ASTFeatureExtractor", name="hf:x")


def test_all_that_cannot_be_done_is_told_at_once() -> None:
    settings = {"feature_size": 2, "padding_value": -1.0, "padding_side": "left"}
    with pytest.raises(UnavailableError, match=r"2 channels and padding with -1\.0 and padding on the left"):
        sound_preprocess_of(settings, extractor="Wav2Vec2FeatureExtractor", name="hf:x")
    with pytest.raises(UnavailableError, match="asks for noise"):
        sound_preprocess_of({"dither": 0.1}, extractor="WhisperFeatureExtractor", name="hf:x")
