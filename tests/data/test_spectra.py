"""Mel spectra against transformers' feature extractors and scipy."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.fft
from transformers import ASTFeatureExtractor, WhisperFeatureExtractor
from transformers.audio_utils import mel_filter_bank, spectrogram, window_function

from headstart.data.spectra import MelSettings, cepstrum, mel_filters, mel_spectrum

RATE = 16_000
WHISPER = MelSettings(RATE, 80, 400, 160, 400, 0.0, 8000.0, "slaney", "whisper")
AST = MelSettings(RATE, 128, 400, 160, 512, 20.0, 8000.0, "kaldi", "kaldi")
RESEMBLYZER = MelSettings(RATE, 40, 400, 160, 400, 0.0, 8000.0, "slaney", "power")


@pytest.fixture(scope="module")
def samples():
    time = np.arange(2 * RATE) / RATE
    noise = np.random.default_rng(0).standard_normal(len(time))
    return (0.3 * np.sin(2 * np.pi * (200 + 900 * time) * time) + 0.02 * noise).astype(np.float32)


@pytest.mark.parametrize("seconds", [0.3, 2.0, 2.5])
def test_a_whisper_spectrum_is_transformers_own(samples, seconds):
    long = np.resize(samples, int(seconds * RATE))
    theirs = WhisperFeatureExtractor()(long, sampling_rate=RATE, return_tensors="np").input_features[0].T
    np.testing.assert_allclose(mel_spectrum(long, WHISPER, frames=3000), theirs, atol=1e-4)


@pytest.mark.parametrize("frames", [100, 1024])
def test_an_ast_spectrum_is_transformers_own(samples, frames):
    """By its path without torchaudio; before the mean is taken off and after it."""
    extractor = ASTFeatureExtractor(max_length=frames, do_normalize=False)
    theirs = extractor(samples, sampling_rate=RATE, return_tensors="np").input_values[0]
    np.testing.assert_allclose(mel_spectrum(samples, AST, frames=frames), theirs, atol=1e-3)


def test_energies_and_decibels_are_those_of_audio_utils(samples):
    filters = mel_filter_bank(201, 40, 0.0, 8000.0, RATE, norm="slaney", mel_scale="slaney")
    theirs = spectrogram(
        samples, window_function(400, "hann"), 400, 160, power=2.0, pad_mode="constant", mel_filters=filters
    ).T
    np.testing.assert_allclose(mel_spectrum(samples, RESEMBLYZER), theirs, rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(mel_spectrum(samples, RESEMBLYZER, frames=50), theirs[:50], rtol=1e-3, atol=1e-6)
    decibels = mel_spectrum(samples, replace(RESEMBLYZER, compression="decibel"))
    np.testing.assert_allclose(decibels, 10 * np.log10(np.maximum(theirs, 1e-10)), atol=1e-2)


def test_a_window_shorter_than_the_transform_lies_in_its_middle(samples):
    """As torch.stft has it, whose frames are as long as the transform."""
    import torch

    window = torch.hann_window(400)
    theirs = torch.stft(
        torch.from_numpy(samples), 1024, 160, 400, window, center=True, pad_mode="constant", return_complex=True
    )
    settings = replace(RESEMBLYZER, fft=1024)
    energies = theirs.abs().square().numpy().T @ mel_filters(settings)
    np.testing.assert_allclose(mel_spectrum(samples, settings), energies, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(("scale", "norm"), [("slaney", "slaney"), ("htk", None), ("kaldi", None)])
def test_filters_are_those_of_audio_utils(scale, norm):
    settings = MelSettings(22_050, 64, 1024, 512, 1024, 50.0, 11_025.0, scale, "power")
    theirs = mel_filter_bank(513, 64, 50, 11_025, 22_050, norm, scale, triangularize_in_mel_space=scale == "kaldi")
    np.testing.assert_allclose(mel_filters(settings), theirs, atol=1e-6)


def test_the_cepstrum_is_the_orthonormal_cosine_transform():
    values = np.random.default_rng(1).standard_normal((7, 40)).astype(np.float32)
    np.testing.assert_allclose(cepstrum(values, 13), scipy.fft.dct(values, norm="ortho")[:, :13], atol=1e-5)


@pytest.mark.parametrize("compression", ["whisper", "kaldi", "power", "decibel"])
@pytest.mark.parametrize("length", [1, 199, 400, 401, 5000])
def test_a_sound_of_any_length_has_the_frames_that_are_asked_for(samples, compression, length):
    settings = replace(RESEMBLYZER, compression=compression)
    found = mel_spectrum(samples[:length], settings, frames=20)
    assert found.shape == (20, 40)
    assert np.isfinite(found).all()
    assert len(mel_spectrum(samples[:length], settings)) >= 1


def test_what_lies_behind_the_last_frame_changes_nothing(samples):
    for settings in (WHISPER, AST, RESEMBLYZER):
        other = samples.copy()
        other[20_000:] = 0.5
        np.testing.assert_array_equal(
            mel_spectrum(samples, settings, frames=50), mel_spectrum(other, settings, frames=50)
        )


def test_twice_as_loud_is_six_decibels_more(samples):
    decibels = replace(RESEMBLYZER, compression="decibel")
    apart = mel_spectrum(2 * samples, decibels) - mel_spectrum(samples, decibels)
    np.testing.assert_allclose(apart, 20 * np.log10(2), atol=1e-3)
