"""The law over architectures of many kinds, with random weights; and backbones that break it."""

import pytest
import torch
from torch import Tensor, nn

from headstart.backbones.architectures import build
from headstart.backbones.card import Stage
from headstart.backbones.law import check_law, shaken
from headstart.backbones.splitting import split
from headstart.backbones.stages import Part, StagedBackbone
from headstart.core.errors import UnavailableError

#: Architecture, side of its input, number of stages.
ARCHITECTURES = [
    ("timm", "resnet18", 64, 10),
    ("timm", "resnet50", 64, 18),
    ("timm", "vgg11", 32, 10),
    ("timm", "efficientnet_b0", 64, 10),
    ("timm", "tf_efficientnet_lite0", 64, 10),
    ("timm", "mobilenetv2_100", 64, 10),
    ("timm", "mobilenetv3_small_050", 64, 8),
    ("timm", "densenet121", 64, 9),
    ("timm", "inception_v3", 96, 17),
    ("timm", "convnext_atto", 64, 6),
    ("timm", "regnety_002", 64, 6),
    ("timm", "vit_tiny_patch16_224", 64, 14),
    ("timm", "swin_tiny_patch4_window7_224", 112, 6),
    ("headstart", "small_convnet", 8, 5),
]


def source_output(model: nn.Module, library: str, pictures: Tensor) -> Tensor:
    """The source model's own pooled output by the library's own words, not by anything of ours."""
    with torch.no_grad():
        if library == "timm":
            return model.forward_head(model.forward_features(pictures), pre_logits=True)
        return model(pictures)


@pytest.mark.parametrize(
    ("library", "architecture", "size", "count"), ARCHITECTURES, ids=[row[1] for row in ARCHITECTURES]
)
def test_the_law_holds(library: str, architecture: str, size: int, count: int) -> None:
    backbone = split(build(library, architecture, size), size=size)
    assert [stage.boundary for stage in backbone.stages] == [True] * count

    awake = shaken(backbone)
    pictures = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(7))
    expected = source_output(awake.model, library, pictures)
    with torch.no_grad():
        torch.testing.assert_close(awake(pictures), expected)
        for cut, stage in enumerate(backbone.stages):
            before = awake(pictures, stop=cut)
            torch.testing.assert_close(awake(before, start=stage.name), expected)
            after = awake(before, start=cut, stop=cut + 1)
            assert awake.pooled(after, cut).shape == (2, backbone.feature_dim(stage.name))
    assert backbone.stages[-1].layout == "NC"


@pytest.mark.parametrize("dropped", ["layer1.1", "layer3.1", "layer4.1"])
def test_a_wrapper_with_one_block_dropped_fails(dropped: str) -> None:
    """In a fresh ResNet these blocks add nothing, as their last batch norm starts at zero: still they are missed."""
    whole = split(build("timm", "resnet18", 64), size=64)
    kept = [index for index, stage in enumerate(whole.stages) if stage.name != dropped]
    wrapper = StagedBackbone(
        whole.model, [whole.parts[index] for index in kept], [whole.stages[index] for index in kept]
    )
    pictures = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(wrapper(pictures), whole(pictures))
    with pytest.raises(UnavailableError, match="another result"):
        check_law(wrapper, pictures)


def test_checking_leaves_weights_and_mode_alone() -> None:
    backbone = split(build("headstart", "small_convnet", 16), size=16).train()
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    check_law(backbone, torch.rand(2, 3, 16, 16))
    assert backbone.training
    assert all(torch.equal(before[name], tensor) for name, tensor in backbone.state_dict().items())


class Remembering(nn.Module):
    """The second part adds what the first part left on the side: no cut between them can hold."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.aside: Tensor | None = None

    def forward(self, inputs: Tensor) -> Tensor:
        return add_aside(self, put_aside(self, inputs, None), None)


def put_aside(model: nn.Module, hidden: Tensor, context: object) -> Tensor:
    model.aside = hidden * model.scale
    return hidden.relu()


def add_aside(model: nn.Module, hidden: Tensor, context: object) -> Tensor:
    return hidden + model.aside


def test_a_cut_that_breaks_the_law_is_no_boundary() -> None:
    parts = [Part("first", ("scale",), put_aside), Part("second", (), add_aside)]
    stages = [Stage("first", 4, "NC"), Stage("second", 4, "NC")]
    assert check_law(StagedBackbone(Remembering(), parts, stages), torch.randn(3, 4)) == (False, True)


class Masked(nn.Module):
    """A toy text encoder: embedding, one block that sees the mask, the mean over true tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10, 4)
        self.block = nn.Linear(4, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        mask = (tokens > 0).float()
        hidden = embed(self, tokens, mask)
        return average(self, mix(self, hidden, mask), mask)


def embed(model: nn.Module, hidden: Tensor, context: object) -> Tensor:
    return model.embedding(hidden)


def mix(model: nn.Module, hidden: Tensor, context: object) -> Tensor:
    assert isinstance(context, Tensor)
    return model.block(hidden) * context[..., None]


def average(model: nn.Module, hidden: Tensor, context: object) -> Tensor:
    assert isinstance(context, Tensor)
    return hidden.sum(1) / context.sum(1, keepdim=True)


def test_a_context_rebuilt_from_the_input_reaches_every_part() -> None:
    parts = [Part("embedding", ("embedding",), embed), Part("block", ("block",), mix), Part("pool", (), average)]
    stages = [Stage("embedding", 4, "NLC"), Stage("block", 4, "NLC"), Stage("pool", 4, "NC")]
    backbone = StagedBackbone(Masked().eval(), parts, stages)
    tokens = torch.tensor([[1, 2, 3], [4, 5, 0]])
    mask = (tokens > 0).float()
    assert check_law(backbone, tokens, mask) == (True, True, True)
    cached = backbone(tokens, stop="block", context=mask)
    torch.testing.assert_close(backbone(cached, start="block", context=mask), backbone.model(tokens))


def test_not_finite_is_not_agreement() -> None:
    backbone = split(build("headstart", "small_convnet", 16), size=16)
    with torch.no_grad():
        backbone.model.stage1.convolution.weight[0, 0, 0, 0] = float("nan")
    with pytest.raises(UnavailableError):
        check_law(backbone, torch.rand(2, 3, 16, 16))
