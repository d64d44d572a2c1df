"""Where a model is cut, and what is refused instead of being cut wrongly."""

import pytest
import torch
from torch import Tensor, nn

from headstart.backbones.architectures import build
from headstart.backbones.splitting import parts_of, split
from headstart.core.errors import UnavailableError


class Reordered(nn.Module):
    """Children that do not run in the order in which they are declared."""

    def __init__(self) -> None:
        super().__init__()
        self.second = nn.Conv2d(4, 4, 1)
        self.first = nn.Conv2d(3, 4, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.second(self.first(pictures)).mean((2, 3))


class Undecided(Reordered):
    """Besides, its graph depends on values."""

    def forward(self, pictures: Tensor) -> Tensor:
        return super().forward(pictures if pictures.sum() > 0 else -pictures)


class Scaled(nn.Module):
    """Children in order, and a factor that depends on values."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 1)
        self.global_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, pictures: Tensor) -> Tensor:
        return self.global_pool(self.first(pictures)) * (2 if pictures.sum() > 0 else 3)


class WithLooseScale(nn.Module):
    """A parameter that nothing uses."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))
        self.first = nn.Conv2d(3, 4, 1)
        self.global_pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())

    def forward(self, pictures: Tensor) -> Tensor:
        return self.global_pool(self.first(pictures))


def test_norms_and_activations_belong_to_the_stage_before() -> None:
    parts = parts_of(build("timm", "tf_efficientnet_lite0", 64))
    owned = {part.name: part.owns for part in parts}
    assert owned["conv_stem"] == ("conv_stem", "bn1")
    assert owned["conv_head"] == ("conv_head", "bn2")
    assert [part.name for part in parts][1:8] == [f"blocks.{index}" for index in range(7)]


def test_what_pools_before_a_convolution_is_named_after_the_convolution() -> None:
    assert parts_of(build("timm", "mobilenetv3_small_050", 64))[-1].name == "conv_head"


def test_the_graph_tells_the_order_where_the_children_do_not() -> None:
    assert [stage.name for stage in split(Reordered().eval(), size=8).stages] == ["first", "second", "pool"]


@pytest.mark.parametrize(
    ("model", "reason"),
    [(Undecided(), "fails"), (Scaled(), "another result"), (WithLooseScale(), "'scale' belongs to none")],
)
def test_a_model_that_is_not_its_children_is_refused(model: nn.Module, reason: str) -> None:
    with pytest.raises(UnavailableError, match=reason):
        split(model.eval(), size=8)


@pytest.mark.parametrize("architecture", ["crossvit_tiny_240", "deit_tiny_distilled_patch16_224"])
def test_real_models_that_cannot_be_cut_are_refused(architecture: str) -> None:
    with pytest.raises(UnavailableError, match="choose another"):
        split(build("timm", architecture, 240), size=240)
