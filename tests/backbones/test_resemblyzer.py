"""The speaker encoder: what Resemblyzer's own network computes, cut behind every layer."""

import functools
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import nn

from headstart.backbones.architectures import build
from headstart.backbones.conversion import open_source
from headstart.backbones.resemblyzer import FRAMES, MELS, UNITS, SpeakerEncoder
from headstart.backbones.sound_preprocess import MelPreprocess
from headstart.backbones.sources.contract import Request
from headstart.backbones.splitting import split_for

SPEC = MelPreprocess(16000, FRAMES, MELS, 400, 160, 400, 0, 8000, "slaney", "power", 0.0, 1.0)


def test_the_law_holds_behind_every_layer() -> None:
    backbone = split_for(build("headstart", "resemblyzer", FRAMES), SPEC)
    assert [(stage.name, stage.dim, stage.layout, stage.boundary) for stage in backbone.stages] == [
        *((f"lstm.{layer}", UNITS, "NLC", True) for layer in range(3)),
        ("linear", UNITS, "NC", True),
    ]


def test_it_computes_what_one_lstm_of_three_layers_computes() -> None:
    """The definition in the package, written out: the last hidden state, a linear layer, a rectifier, unit length."""
    encoder = SpeakerEncoder().eval()
    lstm = nn.LSTM(MELS, UNITS, 3, batch_first=True)
    for layer, module in enumerate(encoder.lstm):
        for name, tensor in module.named_parameters():
            lstm.get_parameter(name.replace("_l0", f"_l{layer}")).data = tensor.data
    spectra = torch.from_numpy(SPEC.random_inputs(3))
    with torch.inference_mode():
        _, (states, _) = lstm(spectra)
        raw = torch.relu(nn.functional.linear(states[-1], encoder.linear.weight, encoder.linear.bias))
        torch.testing.assert_close(encoder(spectra), raw / raw.norm(dim=1, keepdim=True))


def test_a_voice_that_nothing_answers_to_has_the_embedding_zero() -> None:
    encoder = SpeakerEncoder().eval()
    with torch.no_grad():
        encoder.linear.bias.fill_(-1e6)
        assert encoder(torch.zeros(2, 5, MELS)).abs().sum() == 0


def test_with_the_bundled_weights_it_is_resemblyzer(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = resemblyzers_own(monkeypatch)
    backbone, card = open_source(Request.parse("bundled:resemblyzer"))
    assert (card.licence, card.parameters) == ("Apache-2.0", 1_423_616)
    spectra = torch.from_numpy(np.abs(np.random.default_rng(3).standard_normal((4, 200, MELS))).astype(np.float32))
    with torch.inference_mode():
        torch.testing.assert_close(backbone(spectra * 0.01), theirs(spectra * 0.01))


def needs_resemblyzer() -> None:
    if importlib.util.find_spec("resemblyzer") is None:
        pytest.skip("needs the package Resemblyzer")


def resemblyzers_own(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """Its network from the installed package; its way of reading sound, which needs more packages, is left out."""
    needs_resemblyzer()
    for name in [name for name in sys.modules if name.partition(".")[0] == "resemblyzer"]:
        monkeypatch.delitem(sys.modules, name)
    audio = ModuleType("resemblyzer.audio")
    audio.__getattr__ = lambda name: None
    monkeypatch.setitem(sys.modules, "resemblyzer.audio", audio)
    module = importlib.import_module("resemblyzer.voice_encoder")
    found: nn.Module = module.VoiceEncoder("cpu", verbose=False).eval()
    for name in [name for name in sys.modules if name.partition(".")[0] == "resemblyzer"]:
        monkeypatch.delitem(sys.modules, name)
    return found


#: What is to be told of each clip: the part of its name, the stage whose features tell it, and within what the share
#: of right answers lies. In a trial it was 0.98 for the speakers; for the digits 0.99 after the second layer and 0.88
#: at the end, which was trained to hear who speaks and not what.
TOLD = [(1, "linear", 0.95, 1.0), (0, "linear", 0.8, 0.95), (0, "lstm.1", 0.96, 1.0)]


@pytest.mark.data
@pytest.mark.parametrize(("part", "stage", "least", "most"), TOLD)
def test_it_tells_speakers_at_the_end_and_digits_before_it(
    real_data: Path, part: int, stage: str, least: float, most: float
) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    (train, named), (test, asked) = (features(real_data / "fsdd" / split) for split in ("train", "test"))
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    probe.fit(train[stage], [name.split("_")[part] for name in named])
    assert least <= probe.score(test[stage], [name.split("_")[part] for name in asked]) <= most


@functools.cache
def features(folder: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """Pooled features of every stage for the sounds of a folder, and the sounds' names."""
    from headstart.modalities.sound import SOUND

    needs_resemblyzer()
    files = sorted(folder.glob("*.wav"))
    backbone, card = open_source(Request.parse("bundled:resemblyzer"))
    spectra = np.stack([SOUND.prepare_reference(file.read_bytes(), card.preprocess) for file in files])
    with torch.inference_mode():
        outputs = backbone.outputs(torch.from_numpy(spectra))
        pooled = [backbone.pooled(hidden, stage).numpy() for stage, hidden in enumerate(outputs)]
    return dict(zip([stage.name for stage in backbone.stages], pooled, strict=True)), [file.stem for file in files]
