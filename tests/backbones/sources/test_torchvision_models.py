"""torchvision's table of weights: preprocessing, licences, and a file that is fetched, held to its hash and fitted."""

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.models import Weights
from torchvision.transforms import InterpolationMode
from torchvision.transforms._presets import ImageClassification, SemanticSegmentation

from headstart.backbones.conversion import open_with_provenance
from headstart.backbones.sources import torchvision_models
from headstart.backbones.sources.contract import Request
from headstart.backbones.sources.torchvision_models import TorchvisionSource, pretraining_of, weights_named
from headstart.core.errors import UnavailableError, UnknownNameError, WeightsError

ALL = [
    (name, tag)
    for name in models.list_models(module=models)
    for tag in [weights.name for weights in models.get_model_weights(name) if weights.meta["categories"]]
]


def blueprint(name: str):
    return TorchvisionSource().blueprint(Request("torchvision", name))


def test_all_of_its_weights_say_how_they_want_their_pictures() -> None:
    for name, tag in ALL:
        found, preset = blueprint(f"{name}.{tag}"), weights_named(f"{name}.{tag}").transforms()
        assert [found.preprocess.size] == preset.crop_size
        assert [found.preprocess.resized] == preset.resize_size
        assert found.preprocess.interpolation == preset.interpolation.value
        assert (found.preprocess.mean, found.preprocess.std) == (tuple(preset.mean), tuple(preset.std))
        assert found.paper, name


def test_weights_with_holes_are_refused_before_they_are_fetched() -> None:
    with pytest.raises(UnavailableError, match="none for its classifier"):
        blueprint("vgg16.IMAGENET1K_FEATURES")


def test_without_a_tag_its_default_weights_are_meant() -> None:
    assert weights_named("resnet50") is models.ResNet50_Weights.IMAGENET1K_V2
    assert blueprint("resnet50").preprocess.resized == 232
    assert blueprint("resnet50.IMAGENET1K_V1").preprocess.resized == 256


def test_weights_that_may_not_be_sold_say_so() -> None:
    assert blueprint("resnet18").licence == "BSD-3-Clause"
    closed = {name for name, tag in ALL if blueprint(f"{name}.{tag}").licence != "BSD-3-Clause"}
    assert closed == {name for name, tag in ALL if "SWAG" in tag}
    assert blueprint("vit_b_16.IMAGENET1K_SWAG_E2E_V1").licence == "CC-BY-NC-4.0"
    assert pretraining_of(weights_named("vit_b_16.IMAGENET1K_SWAG_E2E_V1")).startswith("Instagram")


@pytest.mark.parametrize(("name", "near"), [("resnet19", "resnet18"), ("resnet50.IMAGENET1K_V3", "IMAGENET1K_V2")])
def test_unknown_names_are_told_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=near):
        blueprint(name)


@pytest.mark.parametrize(
    ("preset", "reason"),
    [
        (partial(ImageClassification, crop_size=224, interpolation=InterpolationMode.NEAREST), "'nearest'"),
        (partial(ImageClassification, crop_size=224, antialias=False), "not antialiased"),
        (partial(ImageClassification, crop_size=224, resize_size=200), "224 pixels out of 200"),
        (partial(SemanticSegmentation, resize_size=224), "SemanticSegmentation"),
    ],
)
def test_what_cannot_be_prepared_is_refused(monkeypatch: pytest.MonkeyPatch, preset: partial, reason: str) -> None:
    given(monkeypatch, Weights("", preset, {"categories": ["disc"]}))
    with pytest.raises(UnavailableError, match=reason):
        blueprint("googlenet")


def given(monkeypatch: pytest.MonkeyPatch, weights: Weights) -> None:
    monkeypatch.setattr(torchvision_models, "weights_named", lambda name: Named(weights))


class Named:
    """A set of weights as torchvision's table holds it."""

    name = "IMAGENET1K_V1"

    def __init__(self, weights: Weights) -> None:
        self.url, self.meta, self.transforms = weights.url, weights.meta, weights.transforms


@pytest.fixture
def googlenet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[nn.Module, Path]:
    """A whole GoogLeNet, and its weights where torch.hub keeps them: both heads that only training uses included."""
    torch.manual_seed(3)
    whole = models.get_model("googlenet", aux_logits=True, transform_input=True, init_weights=False).eval()
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(whole.state_dict(), folder / "new.pth")
    sha256 = hashlib.sha256((folder / "new.pth").read_bytes()).hexdigest()
    kept = (folder / "new.pth").rename(folder / f"googlenet-{sha256[:8]}.pth")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HEADSTART_OFFLINE", "1")
    table = models.GoogLeNet_Weights.IMAGENET1K_V1.value
    given(monkeypatch, replace(table, url=f"https://download.pytorch.org/models/{kept.name}"))
    return whole, kept


def test_what_torch_hub_has_is_used_and_its_classifier_kept(googlenet: tuple[nn.Module, Path]) -> None:
    whole, kept = googlenet
    backbone, card, provenance = open_with_provenance(Request("torchvision", "googlenet"))
    classifier = provenance.classifier
    assert "left 20 tensors of auxiliary heads out; left the classifier out (fc.weight, fc.bias)" in card.source
    assert (card.file.bytes, card.pretraining) == (kept.stat().st_size, "ImageNet-1k")
    assert (len(card.pretraining_classes), card.pretraining_classes[0]) == (1000, "tench")
    pictures = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        expected = whole(pictures).softmax(1)
        found = classifier.probabilities(backbone(pictures).numpy())
    torch.testing.assert_close(torch.from_numpy(found), expected)


def test_another_file_under_its_name_is_not_used(googlenet: tuple[nn.Module, Path]) -> None:
    _, kept = googlenet
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    kept.write_bytes(content)
    with pytest.raises((UnavailableError, WeightsError)):
        open_with_provenance(Request("torchvision", "googlenet"))
