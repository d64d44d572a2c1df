"""The sound manifest: what a backbone is given, and random changes that follow from their arguments alone."""

import base64
import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.recordings import encoded, tone
from transformers import ASTFeatureExtractor, Wav2Vec2FeatureExtractor, WhisperFeatureExtractor

from headstart.backbones.card import ImagePreprocess
from headstart.backbones.sound_preprocess import MelPreprocess, WaveformPreprocess
from headstart.core.errors import UnavailableError
from headstart.data.duplicates import near_pairs
from headstart.data.sound_windows import float_wav
from headstart.data.sounds import decode, resampled
from headstart.modalities.sound import SOUND

PICTURE = ImagePreprocess(64, 0.875, "bicubic", (0, 0, 0), (1, 1, 1))
WAVEFORM = WaveformPreprocess(16_000, 20_000, True)
WHISPER = MelPreprocess(16_000, 300, 80, 400, 160, 400, 0.0, 8000.0, "slaney", "whisper", 0.0, 1.0)
AST = MelPreprocess(16_000, 128, 128, 400, 160, 512, 20.0, 8000.0, "kaldi", "kaldi", -4.2677393, 2 * 4.5689974)
RESEMBLYZER = MelPreprocess(16_000, 160, 40, 400, 160, 400, 0.0, 8000.0, "slaney", "power", 0.0, 1.0, -30.0)
SPECS = [PICTURE, WAVEFORM, WHISPER, AST, RESEMBLYZER]


def word(seconds=0.8, rate=16_000, loud=0.4):
    """Something that changes while it lasts."""
    time = np.arange(int(seconds * rate)) / rate
    voice = np.sin(2 * np.pi * 150 * time) + np.sin(2 * np.pi * (500 + 900 * time) * time)
    return (loud / 2 * voice * np.hanning(len(time))).astype(np.float32)


def theirs(extractor, samples, **options):
    return extractor(samples, sampling_rate=16_000, return_tensors="np", **options)


@pytest.mark.parametrize("seconds", [0.8, 2.0])
def test_a_waveform_is_what_wav2vec2_is_given(seconds):
    expected = theirs(
        Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True),
        word(seconds), padding="max_length", max_length=20_000, truncation=True,
    ).input_values[0]  # fmt: skip
    np.testing.assert_allclose(SOUND.prepare(float_wav(word(seconds), 16_000), WAVEFORM).inputs, expected, atol=1e-5)


def test_a_spectrum_is_what_whisper_is_given():
    expected = theirs(WhisperFeatureExtractor(chunk_length=3), word()).input_features[0].T
    np.testing.assert_allclose(SOUND.prepare(float_wav(word(), 16_000), WHISPER).inputs, expected, atol=1e-4)


def test_a_spectrum_behind_its_entrance_is_what_ast_is_given():
    import torch

    expected = theirs(ASTFeatureExtractor(max_length=128), word()).input_values[0]
    inputs = SOUND.prepare(float_wav(word(), 16_000), AST).inputs
    hidden, _ = AST.entrance()(torch.from_numpy(inputs))
    np.testing.assert_allclose(hidden.numpy(), expected, atol=1e-4)


def test_a_quiet_word_is_raised_for_the_speaker_encoder():
    quiet, loud = (SOUND.prepare(float_wav(word(loud=level), 16_000), RESEMBLYZER).inputs for level in (1e-3, 1e-2))
    np.testing.assert_allclose(quiet, loud, rtol=1e-3, atol=1e-6)
    assert loud.max() > 0.1


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("seconds", [0.001, 0.8, 11.0])
def test_every_sound_becomes_an_input_of_the_same_shape(spec, seconds):
    content = encoded(word(seconds, 44_100), 44_100, "FLAC")
    prepared = SOUND.prepare(content, spec)
    assert prepared.inputs.shape == spec.axes
    assert prepared.inputs.dtype == spec.random_inputs(1).dtype
    np.testing.assert_array_equal(prepared.inputs, SOUND.prepare_reference(content, spec))
    assert (prepared.plain.shape, prepared.plain.dtype) == ((65,), np.float32)
    assert prepared.inspection.size == (round(1000 * seconds), 44_100)


def test_it_takes_the_kinds_that_it_prepares():
    assert SOUND.takes == {spec.kind for spec in SPECS}


def test_without_a_spec_there_are_no_inputs():
    assert SOUND.prepare(encoded(tone()), None).inputs.size == 0


@pytest.mark.parametrize("spec", SPECS)
def test_an_augmented_sound_follows_from_its_arguments_alone(spec):
    def augmented(seed, admitted=()):
        return SOUND.augment(encoded(word()), spec, np.random.default_rng(seed), admitted)

    first = augmented(3, SOUND.invariances)
    np.testing.assert_array_equal(first, augmented(3, SOUND.invariances))
    assert first.shape == spec.axes
    assert first.dtype == spec.random_inputs(1).dtype
    assert not np.array_equal(first, augmented(4, SOUND.invariances))
    backwards = SOUND.invariances["played backwards"]
    turned = [np.array_equal(augmented(seed, SOUND.invariances), backwards(augmented(seed))) for seed in range(20)]
    assert 4 < sum(turned) < 16


def test_a_batch_is_jittered():
    import torch

    batch = torch.from_numpy(PICTURE.random_inputs(2))
    assert SOUND.jitter(batch, torch.Generator().manual_seed(0)).shape == batch.shape


def test_the_small_network_sees_small_pictures():
    small = SOUND.small_network([], WAVEFORM)
    assert (small.library, small.architecture, small.preprocess.size) == ("headstart", "small_convnet", 64)


def test_an_exhibit_is_a_picture_and_a_player():
    exhibit = SOUND.exhibit(encoded(word(3, 44_100), 44_100))
    kind, picture = exhibit.picture.split(";base64,")
    assert kind == "data:image/png"
    assert Image.open(io.BytesIO(base64.b64decode(picture))).size == (160, 96)
    kind, played = exhibit.sound.split(";base64,")
    assert kind == "data:audio/wav"
    assert decode(base64.b64decode(played)).milliseconds == 3000
    assert len(exhibit.sound) < 165_000


def test_a_name_that_does_not_fit_is_noted(tmp_path):
    path = tmp_path / "a.mp3"
    path.write_bytes(encoded(tone()))
    assert SOUND.mismatch(path) == "is WAV although its name ends in '.mp3'"
    assert SOUND.mismatch(tmp_path / "gone.wav") is None


def test_importing_the_manifest_imports_none_of_its_libraries():
    code = (
        "import sys, headstart.modalities.sound;"
        "print({'soundfile', 'soxr', 'torch', 'sklearn', 'scipy', 'transformers'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


@pytest.mark.parametrize("module", ["soundfile", "soxr"])
def test_a_missing_library_is_named_with_its_extra(monkeypatch, module):
    content = encoded(tone(rate=8000), 8000)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UnavailableError, match=rf"{module}.*headstart\[sound\]"):
        SOUND.prepare(content, None)


def test_the_rule_names_the_decoders():
    assert "libsndfile" in SOUND.rule()


def test_the_same_recording_coded_again_is_a_near_duplicate(real_data):
    """Of sixty spoken digits nearly all are found again, and hardly any two others are taken for the same."""
    files = sorted((real_data / "fsdd" / "test").iterdir())[::3]
    originals = [decode(file.read_bytes()) for file in files]
    softer = [encoded(sound.samples / 3, sound.rate, "OGG") for sound in originals]
    prepared = [SOUND.prepare(content, None) for content in [*(file.read_bytes() for file in files), *softer]]
    hashes = np.array([item.inspection.near_hash for item in prepared], dtype=np.uint64)
    pairs = {(pair.first, pair.second) for pair in near_pairs(hashes, np.stack([item.plain for item in prepared]))}
    same = {(place, place + len(files)) for place in range(len(files))}
    assert len(pairs & same) > 0.7 * len(files)
    assert len(pairs - same) < 4


@pytest.mark.parametrize(("name", "least"), [("fsdd", 0.93), ("esc10", 0.6)])
def test_the_plain_baseline_is_a_strong_one(real_data, name, least):
    """Logistic regression on the statistics, as in the trial that found 0.93 to 0.97 for spoken digits."""
    folder = real_data / name
    if name == "fsdd":
        files = sorted(folder.glob("t*/*.wav"))
        labels, tested = [file.name[0] for file in files], [file.parent.name == "test" for file in files]
    else:
        files = sorted(folder.glob("audio/*/*.ogg"))
        labels, tested = [file.parent.name for file in files], [file.name[0] == "5" for file in files]
    labels, tested = np.array(labels), np.array(tested)
    forms = np.stack([SOUND.prepare(file.read_bytes(), None).plain for file in files])
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(forms[~tested], labels[~tested])
    assert model.score(forms[tested], labels[tested]) >= least


def test_eight_thousand_samples_a_second_are_raised_to_what_a_backbone_wants():
    eight = decode(encoded(tone(rate=8000), 8000))
    waveform = SOUND.prepare(encoded(tone(rate=8000), 8000), WaveformPreprocess(16_000, 16_000, False)).inputs
    np.testing.assert_array_equal(waveform, resampled(eight.samples, 8000, 16_000))
