"""Translated models of Keras against Keras itself, with random weights, and their cuts."""

import copy
import os
import random
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from headstart.backbones import keras_models
from headstart.backbones.architectures import build
from headstart.backbones.keras_models import translated
from headstart.backbones.law import shaken
from headstart.backbones.sources.keras_applications import APPLICATIONS, SCALINGS
from headstart.backbones.splitting import split
from headstart.core.errors import UnavailableError, UnknownNameError

SIDE = 96
#: Architecture, number of stages, some of their names.
FAMILIES = [
    ("ResNet50", 18, ("conv1_conv", "conv2_block1", "conv5_block3", "avg_pool")),
    ("VGG16", 6, ("block1", "block5")),
    ("MobileNet", 15, ("conv1", "conv_1", "conv_13")),
    ("MobileNetV2", 20, ("Conv1", "expanded_conv", "block_16", "Conv_1")),
    ("MobileNetV3Small", 14, ("conv", "expanded_conv_10", "conv_1")),
    ("EfficientNetB0", 19, ("stem_conv", "block1a", "block7a", "top_conv")),
    pytest.param("Xception", 15, ("block1", "block14"), marks=pytest.mark.slow),
    pytest.param("ConvNeXtTiny", 23, ("convnext_tiny_stem", "convnext_tiny_stage_3_block_2"), marks=pytest.mark.slow),
    pytest.param("ResNet50V2", 18, ("conv5_block3",), marks=pytest.mark.slow),
    pytest.param("DenseNet121", 63, ("pool2_conv", "conv5_block16"), marks=pytest.mark.slow),
    pytest.param("InceptionV3", 17, ("conv2d_0", "conv2d_85"), marks=pytest.mark.slow),
    pytest.param("EfficientNetV2B0", 24, ("stem_conv", "block6h"), marks=pytest.mark.slow),
    pytest.param("InceptionResNetV2", 50, ("conv2d_0", "conv_7b"), marks=pytest.mark.slow),
]


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every model that Keras builds, its weights drawn so that each layer has a say."""
    models = []

    def remembering(*args: Any, original: Any = keras_models._application) -> Any:
        models.append(original(*args))
        chance = np.random.default_rng(0)
        for weight in models[-1].weights:
            weight.assign(drawn(weight.name, tuple(weight.shape), chance))
        return models[-1]

    monkeypatch.setattr(keras_models, "_application", remembering)
    return models


def drawn(name: str, shape: tuple[int, ...], chance: np.random.Generator) -> np.ndarray:
    if len(shape) > 1:
        entering = np.prod(shape[:2]) if shape[-1] == 1 and len(shape) == 4 else np.prod(shape[:-1])
        return chance.standard_normal(shape) * np.sqrt(2 / entering)
    if name in {"beta", "bias", "moving_mean"}:
        return chance.uniform(-0.1, 0.1, shape)
    # With smaller variances the values grow from layer to layer until single precision itself is 5 % off.
    return chance.uniform(0.8, 1.6, shape) if name == "moving_variance" else chance.uniform(0.5, 1.5, shape)


@pytest.mark.parametrize(("architecture", "count", "names"), FAMILIES)
def test_a_translated_model_is_keras_own_and_can_be_cut(
    architecture: str, count: int, names: tuple[str, ...], kept: list[Any]
) -> None:
    ours = translated(architecture, SIDE, None)
    (theirs,) = kept
    pixels = np.random.default_rng(1).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.float32)
    module = sys.modules[getattr(sys.modules["keras"].applications, architecture).__module__]
    scaling = SCALINGS[APPLICATIONS[architecture].scaling]
    with torch.no_grad():
        entering = torch.tensor(np.ascontiguousarray(module.preprocess_input(pixels.copy())))
        expected = theirs(entering, training=False).cpu().numpy()
        inputs = ((pixels / 255 - scaling.mean) / scaling.std).astype(np.float32).transpose(0, 3, 1, 2)
        found = ours(torch.tensor(inputs)).numpy()
    scale = np.abs(expected).max()
    assert np.ptp(expected, axis=0).max() > 5e-3 * scale  # the pictures are told apart
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * scale)

    backbone = split(ours, size=SIDE)
    stages = [stage.name for stage in backbone.stages]
    assert len(stages) == len(set(stages)) == count
    assert all(stage.boundary for stage in backbone.stages)
    assert set(names) <= set(stages)


def test_training_and_copying_are_torchs_own() -> None:
    model = build("keras", "MobileNetV2", 64)
    assert "keras" not in {type(module).__module__.split(".")[0] for module in model.modules()}
    copied = copy.deepcopy(model).train()
    copied(torch.rand(4, 3, 64, 64)).sum().backward()
    assert all(parameter.grad is not None for parameter in copied.parameters())
    assert not torch.equal(copied.get_buffer("bn_Conv1.running_mean"), model.get_buffer("bn_Conv1.running_mean"))
    assert shaken(split(model, size=64)).model is not model


def test_a_seed_draws_the_weights_and_leaves_other_chance_alone() -> None:
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)
    expected = random.random(), np.random.rand(), torch.rand(1).item()
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)
    first, again, other = (build("keras", "MobileNet", 64, seed=seed).state_dict() for seed in (1, 1, 2))
    assert (random.random(), np.random.rand(), torch.rand(1).item()) == expected
    assert first.keys() == again.keys() == other.keys()  # Keras would go on counting
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["conv1.1.weight"], other["conv1.1.weight"])


def test_what_is_not_supported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="'ResNet50'"):
        build("keras", "Resnet50", 64)
    build("keras", "MobileNet", 64)
    monkeypatch.setattr(sys.modules["keras"].config, "backend", lambda: "tensorflow")
    with pytest.raises(UnavailableError, match="imported with tensorflow"):
        build("keras", "MobileNet", 64)


def test_keras_writes_nothing_outside_of_the_cache_and_leaves_the_environment(tmp_path: Any) -> None:
    program = (
        "import os; from headstart.backbones.architectures import build; build('keras', 'MobileNet', 64)\n"
        "print(sorted(name for name in os.environ if name.startswith('KERAS')))"
    )
    home, cache = tmp_path / "home", tmp_path / "cache"
    home.mkdir()
    settings = {name: value for name, value in os.environ.items() if not name.startswith("KERAS")}
    settings |= {"HOME": str(home), "HEADSTART_CACHE": str(cache)}
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=settings)
    assert ended.stdout.strip() == "[]"
    assert not [path for path in home.rglob("*") if "keras" in path.name]
    assert (cache / "keras").is_dir()
