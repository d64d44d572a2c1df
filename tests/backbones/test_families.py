"""The families that must be there by name: built with random weights, cut, and held to the source's own words."""

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import get_model

from headstart.backbones.architectures import build
from headstart.backbones.catalog import open_backbone
from headstart.backbones.law import shaken
from headstart.backbones.splitting import split
from headstart.backbones.stages import StagedBackbone

#: Family, library, architecture, side of its input, number of stages, one stage's name.
FAMILIES = [
    ("LeNet", "headstart", "lenet", 32, 4, "c5"),
    ("AlexNet", "torchvision", "alexnet", 64, 7, "features.10"),
    ("VGG16", "torchvision", "vgg16", 32, 15, "classifier.3"),
    ("VGG19", "timm", "vgg19", 32, 18, "pre_logits"),
    ("ResNet-18", "torchvision", "resnet18", 32, 10, "layer4.1"),
    ("ResNet-34", "timm", "resnet34", 32, 18, "layer4.2"),
    ("ResNet-50", "torchvision", "resnet50", 32, 18, "layer4.2"),
    ("ResNet-101", "timm", "resnet101", 32, 35, "layer3.22"),
    ("ResNet-152", "torchvision", "resnet152", 32, 52, "layer3.35"),
    ("ResNet for CIFAR", "headstart", "cifar_resnet56", 32, 29, "layer3.8"),
    ("GoogLeNet", "torchvision", "googlenet", 32, 13, "inception4e"),
    ("Inception v3", "torchvision", "inception_v3", 75, 17, "Mixed_7c"),
    ("MobileNet v1", "timm", "mobilenetv1_100", 32, 7, "blocks.4"),
    ("MobileNet v2", "torchvision", "mobilenet_v2", 32, 20, "features.18"),
    ("MobileNet v3", "torchvision", "mobilenet_v3_small", 32, 14, "classifier.0"),
    ("MobileNet v3, timm", "timm", "mobilenetv3_large_100", 32, 9, "conv_head"),
    ("EfficientNet", "torchvision", "efficientnet_b0", 32, 10, "features.8"),
    ("EfficientNet-Lite", "timm", "tf_efficientnet_lite1", 32, 10, "conv_head"),
    ("DenseNet", "torchvision", "densenet121", 32, 9, "features.denseblock4"),
    ("ConvNeXt", "torchvision", "convnext_tiny", 32, 9, "features.7"),
    ("RegNet", "torchvision", "regnet_y_400mf", 32, 6, "trunk_output.block4"),
    ("ViT", "torchvision", "vit_b_32", 32, 14, "encoder.layers.encoder_layer_11"),
    ("ViT, timm", "timm", "vit_tiny_patch16_224", 32, 14, "blocks.11"),
    ("DeiT", "timm", "deit_tiny_patch16_224", 32, 14, "blocks.11"),
    ("Swin", "torchvision", "swin_t", 32, 9, "features.7"),
    ("DINOv2", "timm", "vit_small_patch14_dinov2", 28, 14, "blocks.11"),
    ("DINOv2 with registers", "timm", "vit_small_patch14_reg4_dinov2", 28, 14, "blocks.11"),
]

#: What torchvision's own builders need, so that no classifier but the last one is there.
OPTIONS = {"googlenet": {"aux_logits": False, "transform_input": True, "init_weights": False},
           "inception_v3": {"aux_logits": False, "transform_input": True, "init_weights": False},
           "vit_b_32": {"image_size": 32}}  # fmt: skip


@pytest.mark.parametrize(("library", "architecture", "size", "count", "name"), [row[1:] for row in FAMILIES],
                         ids=[row[0] for row in FAMILIES])  # fmt: skip
def test_the_family_is_there_and_can_be_cut_everywhere(
    library: str, architecture: str, size: int, count: int, name: str
) -> None:
    backbone = split(build(library, architecture, size), size=size)
    assert [stage.boundary for stage in backbone.stages] == [True] * count
    assert name in [stage.name for stage in backbone.stages]
    assert backbone.stages[-1].layout == "NC"
    awake = shaken(backbone)
    pictures = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(7))
    with torch.inference_mode():
        expected = source_output(awake.model, library, architecture, pictures)
        torch.testing.assert_close(run_in_two(awake, pictures, name), expected)


def source_output(model: nn.Module, library: str, architecture: str, pictures: Tensor) -> Tensor:
    """The source model's own pooled output by the library's own words, not by anything of ours."""
    if library == "timm":
        return model.forward_head(model.forward_features(pictures), pre_logits=True)
    if library == "headstart":
        return model(pictures)
    whole = get_model(architecture, weights=None, **OPTIONS.get(architecture, {})).eval()
    missing, unexpected = whole.load_state_dict(model.state_dict(), strict=False)
    assert (len(missing), unexpected) == (2, [])
    classifier = whole.get_submodule(missing[0].rpartition(".")[0])
    read: list[Tensor] = []
    classifier.register_forward_pre_hook(lambda _, args: read.append(args[0]))
    whole(pictures)
    return read[0]


def run_in_two(backbone: StagedBackbone, pictures: Tensor, name: str) -> Tensor:
    """Up to a stage and on from there; what lies between, as it would lie in a cache, must not be written to."""
    before = backbone(pictures, stop=name)
    kept = before.clone()
    after = backbone(before, start=name)
    torch.testing.assert_close(before, kept, rtol=0, atol=0)
    return after


@pytest.mark.parametrize("name", ["torchvision:shufflenet_v2_x0_5", "timm:pvt_v2_b0"])
def test_a_model_cut_by_its_graph_is_converted_and_loaded_again(name: str) -> None:
    """Converting compares every stage of the engine's model with torch."""
    converted = open_backbone(name, random_weights=True, seed=1)
    backbone = converted.load()
    size = converted.card.preprocess.size
    pictures = torch.rand(1, 3, size, size)
    with torch.inference_mode():
        torch.testing.assert_close(backbone(pictures), backbone.model(pictures))
        middle = len(backbone.stages) // 2
        torch.testing.assert_close(backbone(backbone(pictures, stop=middle), start=middle), backbone(pictures))
