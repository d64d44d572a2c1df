"""Whole activations equal what the torch module puts out, and nothing above the wanted stage is computed."""

import numpy as np
import pytest
import torch

from headstart.backbones.catalog import open_backbone
from headstart.backbones.stages import StagedBackbone
from headstart.core.errors import EngineError
from headstart.features.engines.checked import CheckedEngine
from headstart.features.engines.contract import EngineSpec
from headstart.features.trial import start_engine

#: Their stages put out (N, C, H, W), (N, H, W, C), (N, L, D) and (N, D).
NAMES = ["headstart:small_convnet", "timm:test_vit", "timm:swin_tiny_patch4_window7_224"]
SPECS = [EngineSpec("openvino", "f32"), EngineSpec("torch", "f32")]


def outputs(backbone, pictures):
    mean, std = (
        torch.tensor(values).view(3, 1, 1) for values in (backbone.card.preprocess.mean, backbone.card.preprocess.std)
    )
    with torch.inference_mode():
        return backbone.load().outputs((torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255 - mean) / std)


@pytest.mark.parametrize("name", NAMES)
def test_whole_activations_are_the_modules_own_with_channels_last(name):
    backbone = open_backbone(name, random_weights=True)
    stages = [stage.name for stage in backbone.card.stages]
    pictures = backbone.card.preprocess.random_inputs(5)
    expected = outputs(backbone, pictures)
    for spec in SPECS:
        found = start_engine(spec, backbone, stages, form="whole").compute(pictures)
        for stage, output in zip(backbone.card.stages, expected, strict=True):
            theirs = output.permute(0, 2, 3, 1).numpy() if stage.layout == "NCHW" else output.numpy()
            assert found[stage.name].dtype == np.float32
            assert found[stage.name].shape == theirs.shape, stage
            assert np.abs(found[stage.name] - theirs).max() <= 1e-4 * np.abs(theirs).max(), stage


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_the_mean_over_places_of_the_whole_is_the_pooled(spec):
    backbone = open_backbone(NAMES[0], random_weights=True)
    pictures = backbone.card.preprocess.random_inputs(3)
    whole = start_engine(spec, backbone, ["stage2"], form="whole").compute(pictures)["stage2"]
    pooled = start_engine(spec, backbone, ["stage2"]).compute(pictures)["stage2"]
    np.testing.assert_allclose(whole.mean(axis=(1, 2)), pooled, rtol=1e-4, atol=1e-5)


def test_torch_runs_no_stage_above_the_highest_that_is_wanted(monkeypatch):
    ran, forward = [], StagedBackbone.forward
    backbone = open_backbone(NAMES[0], random_weights=True)
    engine = start_engine(EngineSpec("torch", "f32"), backbone, ["stage2", "stage1"])

    def noted(self, hidden, start=0, stop=None, context=None):
        ran.append(start)
        return forward(self, hidden, start, stop, context)

    monkeypatch.setattr(StagedBackbone, "forward", noted)
    assert set(engine.compute(backbone.card.preprocess.random_inputs(1))) == {"stage1", "stage2"}
    assert ran == [0, 1]


class Answering:
    """An engine that gives what it is told to."""

    precision = "f32"

    def __init__(self, value):
        self.value = value

    def compute(self, batch):
        return {"top": np.full((len(batch), 2), self.value, np.float32)}


def test_a_checked_engine_starts_once_and_hands_on_what_is_finite():
    started = []
    engine = CheckedEngine(lambda: started.append(1) or Answering(1.5), spec=SPECS[0], backbone="b")
    assert started == []
    for _ in range(2):
        assert engine.compute(np.zeros((3, 1)))["top"].tolist() == [[1.5, 1.5]] * 3
    assert started == [1]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_checked_engine_refuses_what_is_not_finite(value):
    with pytest.raises(EngineError, match="stage 'top' of b gave NaN or infinity"):
        CheckedEngine(lambda: Answering(value), spec=SPECS[0], backbone="b").compute(np.zeros((1, 1)))


def test_a_checked_engine_has_the_precision_that_it_was_admitted_in():
    engine = CheckedEngine(lambda: Answering(0.0), spec=EngineSpec("openvino", "bf16"), backbone="b")
    with pytest.raises(EngineError, match="computes in f32"):
        engine.compute(np.zeros((1, 1)))
