"""Vision models of transformers with random weights: architectures in a line, and the law."""

from pathlib import Path

import pytest
import torch

from headstart.backbones.architectures import build
from headstart.backbones.card import BackboneCard, ImagePreprocess
from headstart.backbones.conversion import convert
from headstart.backbones.splitting import split
from headstart.backbones.transformers_architecture import read_architecture
from headstart.backbones.transformers_families import FAMILIES
from headstart.backbones.transformers_vision import architecture_text, vision_configuration
from headstart.core.errors import UnavailableError, UnknownNameError, UsageError

TOKENS = "hidden_size=32, num_attention_heads=2, num_hidden_layers=2, patch_size=8"
#: One small architecture of every family, in its canonical text, and the sizes of its stages' features.
SMALL = {
    "vit": (f"vit(hidden_size=32, intermediate_size=64, {TOKENS[16:]})", [32] * 4),
    "deit": (f"deit(hidden_size=32, intermediate_size=64, {TOKENS[16:]})", [32] * 4),
    "dinov2": ("dinov2(hidden_size=32, image_size=48, num_attention_heads=2, num_hidden_layers=2, patch_size=8)",
               [32, 32, 32, 64]),
    "beit": ("beit(hidden_size=32, intermediate_size=64, num_attention_heads=2, num_hidden_layers=2, patch_size=8, "
             "use_relative_position_bias=True)", [32] * 4),
    "swin": ("swin(depths=[2, 1], embed_dim=16, hidden_size=32, num_heads=[2, 2], num_layers=2, window_size=4)",
             [16, 16, 16, 32, 32]),
    "convnext": ("convnext(depths=[1, 2], hidden_sizes=[16, 32], num_stages=2)", [16, 16, 32, 32, 32]),
    "convnextv2": ("convnextv2(depths=[1, 2], hidden_sizes=[16, 32], num_stages=2)", [16, 16, 32, 32, 32]),
    "resnet": ("resnet(depths=[1, 2], embedding_size=16, hidden_sizes=[16, 32], layer_type='basic')",
               [16, 16, 32, 32, 32]),
}  # fmt: skip


def test_every_family_is_tried_here() -> None:
    assert SMALL.keys() == FAMILIES.keys()


@pytest.mark.parametrize("family", SMALL)
@pytest.mark.parametrize("size", [32, 64])
def test_the_law_holds_at_every_cut(family: str, size: int) -> None:
    text, dims = SMALL[family]
    backbone = split(build("transformers", text, size), size=size)
    assert [(stage.dim, stage.boundary) for stage in backbone.stages] == [(dim, True) for dim in dims]


@pytest.mark.parametrize("family", SMALL)
def test_an_architecture_fits_in_a_line_and_comes_out_of_it_again(family: str) -> None:
    text = SMALL[family][0]
    model_type, settings = read_architecture(text)
    assert architecture_text(vision_configuration(model_type, settings)) == text
    names = [list(build("transformers", each, 32).state_dict()) for each in (text, text)]
    assert names[0] == names[1]


def test_a_seed_draws_the_weights() -> None:
    first, again, other = (build("transformers", SMALL["vit"][0], 32, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["layers.0.mlp.fc1.weight"], other["layers.0.mlp.fc1.weight"])


@pytest.mark.parametrize("family", ["vit", "dinov2", "swin", "convnext"])
def test_the_engine_computes_what_torch_computes(family: str, tmp_path: Path) -> None:
    """``convert`` compares every stage itself; the backbone must also still be what it was before it was traced."""
    backbone = split(build("transformers", SMALL[family][0], 64), size=64)
    pictures = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        before = backbone(pictures)
    preprocess = ImagePreprocess(64, 1.0, "bilinear", (0.5,) * 3, (0.5,) * 3, "squash")
    card = BackboneCard(
        "hf:x", "", SMALL[family][0], "transformers", "mit", "", "", 1, "0" * 64, preprocess, backbone.stages
    )
    assert (convert(backbone, card, tmp_path) / "engine.xml").is_file()
    with torch.inference_mode():
        torch.testing.assert_close(backbone(pictures), before)


def test_a_model_whose_blocks_need_more_than_the_hidden_state_is_refused() -> None:
    text = SMALL["beit"][0].replace("use_relative", "use_shared_relative")
    with pytest.raises(UnavailableError, match="shared_position_bias"):
        split(build("transformers", text, 32), size=32)


@pytest.mark.parametrize(
    "text", ["vit(hidden_size=__import__('os'))", "vit(", "vit(32)", "import os", "vit(**{})", "(" * 5000 + ")"]
)
def test_only_settings_are_read_from_a_line(text: str) -> None:
    with pytest.raises(UsageError, match="architecture of transformers"):
        read_architecture(text)


def test_a_family_that_is_not_supported_is_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'swin'"):
        build("transformers", "swinn()", 32)
