"""The distance from the pretraining data: 0 on the very data that made the statistics, more the further data go."""

import numpy as np
import pytest
import torch
from tests.tiny import tiny_backbone

from headstart.backbones.card import ImagePreprocess
from headstart.backbones.conversion import EngineGraph
from headstart.backbones.domain_shift import batch_norm_shift

PREPROCESS = ImagePreprocess(16, 1.0, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@pytest.fixture(scope="module")
def pretrained():
    """A backbone whose statistics are those of some pictures, and these pictures."""
    pictures = list(np.random.default_rng(0).integers(60, 160, (40, 16, 16, 3), dtype=np.uint8))
    backbone = tiny_backbone().eval()
    norms = [layer for layer in backbone.modules() if isinstance(layer, torch.nn.BatchNorm2d)]
    for layer in norms:  # one after the other: what lies below has to be settled first
        layer.train()
        layer.momentum = 1.0
        with torch.no_grad():
            EngineGraph(backbone, PREPROCESS)(torch.from_numpy(np.stack(pictures)))
        layer.eval()
    return backbone, pictures


def brute_force(backbone, pictures):
    values = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).double() / 255
    hidden, found = (values - 0.5) / 0.5, []
    model = backbone.model.double()
    for name in ("stem", "middle", "last"):
        for layer in model.get_submodule(name):
            if isinstance(layer, torch.nn.BatchNorm2d):
                mean = hidden.mean((0, 2, 3))
                found.append(((mean - layer.running_mean) ** 2 / (layer.running_var + layer.eps)).mean().item())
            hidden = layer(hidden)
    model.float()
    return np.sqrt(np.mean(found))


def test_it_is_what_brute_force_finds(pretrained):
    backbone, pictures = pretrained
    darker = [picture // 2 for picture in pictures[:20]]
    with torch.no_grad():
        expected = brute_force(backbone, darker)
    assert batch_norm_shift(backbone, PREPROCESS, darker) == pytest.approx(expected, rel=1e-4)


def test_it_grows_with_the_distance_and_is_nothing_at_home(pretrained):
    backbone, pictures = pretrained
    changed = [[np.clip(picture + np.uint8(by), 0, 255) for picture in pictures] for by in (0, 20, 60)]
    home, near, far = (batch_norm_shift(backbone, PREPROCESS, some) for some in changed)
    assert home < 0.01 < near < far


def test_the_order_of_items_does_not_matter_and_nothing_is_changed(pretrained):
    backbone, pictures = pretrained
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    first = batch_norm_shift(backbone, PREPROCESS, pictures[:30])
    assert batch_norm_shift(backbone, PREPROCESS, pictures[:30][::-1]) == pytest.approx(first, rel=1e-6)
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())
    assert not any(layer._forward_pre_hooks for layer in backbone.modules())


def test_without_batch_norm_nothing_can_be_told():
    backbone = tiny_backbone()
    for name in ("stem", "middle", "last"):
        backbone.model.get_submodule(name)[1] = torch.nn.Identity()
    assert batch_norm_shift(backbone.eval(), PREPROCESS, [np.zeros((16, 16, 3), np.uint8)]) is None
