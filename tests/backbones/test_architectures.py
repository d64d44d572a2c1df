"""Building architectures from a seed."""

import pytest
import torch

from headstart.backbones.architectures import build
from headstart.core.errors import UnknownNameError


def test_a_seed_draws_the_same_weights_and_leaves_torchs_own_state() -> None:
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again, other = (build("headstart", "small_convnet", 16, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["stage1.convolution.weight"], other["stage1.convolution.weight"])


def test_the_classifier_is_gone() -> None:
    assert build("timm", "resnet18", 224)(torch.zeros(1, 3, 32, 32)).shape == (1, 512)


@pytest.mark.parametrize(
    ("architecture", "size", "dim", "removed"),
    [
        ("squeezenet1_1", 32, 512, "classifier.1"),
        ("mobilenet_v3_small", 32, 1024, "classifier.3"),
        ("shufflenet_v2_x0_5", 32, 1024, "fc"),
        ("vit_b_32", 64, 768, "heads.head"),
    ],
)
def test_what_torchvisions_last_layer_reads_is_the_output(architecture: str, size: int, dim: int, removed: str) -> None:
    model = build("torchvision", architecture, size)
    assert model(torch.zeros(1, 3, size, size)).shape == (1, dim)
    assert model.removed == (removed,)


def test_heads_that_only_training_uses_are_not_built() -> None:
    names = [name for name, _ in build("torchvision", "googlenet", 32).named_parameters()]
    assert not [name for name in names if name.startswith(("aux", "fc"))]


def test_fixed_sizes_are_built_at_the_size_asked_for() -> None:
    assert build("timm", "vit_tiny_patch16_224", 32)(torch.zeros(1, 3, 32, 32)).shape == (1, 192)


@pytest.mark.parametrize(
    ("library", "architecture", "near"),
    [
        ("tim", "resnet18", "timm"),
        ("timm", "resnet19", "resnet18"),
        ("torchvision", "resnet19", "resnet18"),
        ("headstart", "small_convent", "small_convnet"),
    ],
)
def test_unknown_names_are_told_the_nearest(library: str, architecture: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=near):
        build(library, architecture, 32)
