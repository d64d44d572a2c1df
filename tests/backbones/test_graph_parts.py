"""Writing down a forward pass, and cutting it where one value is alive."""

import copy
import pickle

import pytest
import torch
from torch import Tensor, nn

from headstart.backbones.architectures import build
from headstart.backbones.graph_parts import traced_segments
from headstart.backbones.splitting import split


class Residual(nn.Module):
    """``b(relu(a(x))) + a(x)``: cut after ``a`` and after the sum, and nowhere between."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 4, 1)
        self.b = nn.Conv2d(4, 4, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        hidden = self.a(pictures)
        return torch.flatten((self.b(hidden.relu()) + hidden).mean((2, 3), keepdim=True), start_dim=1)


class UsedTwice(nn.Module):
    """One layer is used at both ends."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 3, 1)
        self.second = nn.Conv2d(3, 3, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.first(self.second(self.first(pictures))).mean((2, 3))


class Lists(nn.Module):
    """Two branches travel as a list between two layers; a slice and named arguments are used on the way."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 1)
        self.fork = Fork()
        self.shift = nn.Parameter(torch.randn(1, 4, 1, 1))

    def forward(self, pictures: Tensor) -> Tensor:
        branches = self.fork([self.stem(pictures)])
        joined = torch.cat(tensors=[branches[0], branches[1][:, :, 1:-1, 1:-1]], dim=-1)
        return (joined + self.shift).mean(dim=(2, 3))


class Fork(nn.Module):
    """Changes the list it is given, as timm's HRNet does."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Conv2d(4, 4, 3)

    def forward(self, branches: list[Tensor]) -> list[Tensor]:
        branches.append(branches[0].abs())
        branches[0] = self.left(branches[0])
        return branches


class Undecided(nn.Module):
    """What it computes depends on values."""

    def __init__(self) -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 4, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        return self.a(pictures if pictures.sum() > 0 else -pictures).mean((2, 3))


def segments_of(model: nn.Module) -> list[tuple[str, ...]]:
    found = traced_segments(model.eval(), [name for name, _ in model.named_children()])
    assert found is not None
    calls = [[call.target for call in segment.instructions] for segment in found]
    return [tuple(getattr(target, "__name__", target) for target in targets) for targets in calls]


def test_it_is_cut_where_one_value_is_alive_and_nowhere_else() -> None:
    assert segments_of(Residual()) == [("a",), ("relu", "b", "add"), ("mean",), ("flatten",)]


def test_what_is_used_twice_stays_together() -> None:
    assert segments_of(UsedTwice()) == [("first", "second", "first"), ("mean",)]


class SharedActivation(UsedTwice):
    """One activation, without weights, is used everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.act = nn.ReLU()

    def forward(self, pictures: Tensor) -> Tensor:
        return self.act(self.second(self.act(self.first(pictures)))).mean((2, 3))


def test_what_holds_no_weights_may_be_used_anywhere() -> None:
    assert segments_of(SharedActivation()) == [("first",), ("act",), ("second",), ("act",), ("mean",)]


def test_a_list_of_tensors_is_no_place_to_cut() -> None:
    calls = segments_of(Lists())
    assert [call[0] for call in calls] == ["stem", "fork", "shift", "mean"]
    assert calls[1] == ("fork", "getitem", "getitem", "getitem", "cat")


@pytest.mark.parametrize("model", [Residual(), UsedTwice(), Lists()], ids=lambda model: type(model).__name__)
def test_the_segments_in_order_are_the_model(model: nn.Module) -> None:
    pictures = torch.randn(3, 3, 5, 5)
    found = traced_segments(model.eval(), [name for name, _ in model.named_children()])
    hidden = pictures
    for segment in found or ():
        hidden = segment(model, hidden, None)
    torch.testing.assert_close(hidden, model(pictures))
    assert {name.partition(".")[0] for name in model.state_dict()} == {
        name for segment in found or () for name in segment.owns
    }


def test_what_depends_on_values_cannot_be_written_down() -> None:
    assert traced_segments(Undecided(), ["a"]) is None


def test_segments_hold_no_module() -> None:
    """They are copied and sent to other processes as plain data, and run whatever model they are given."""
    model = Residual().eval()
    segment = (traced_segments(model, ["a", "b"]) or [])[0]
    again = pickle.loads(pickle.dumps(copy.deepcopy(segment)))
    assert again == segment
    other = Residual().eval()
    pictures = torch.randn(1, 3, 2, 2)
    torch.testing.assert_close(again(other, pictures, None), other.a(pictures))


def test_a_model_is_cut_the_same_way_every_time() -> None:
    names = [[stage.name for stage in split(build("torchvision", "squeezenet1_1", 32), size=32).stages] for _ in "ab"]
    assert names[0] == names[1]


def test_the_last_map_stays_within_reach() -> None:
    """A pooling that is a plain function, as in torchvision's DenseNet, is a stage of its own."""
    stages = split(build("torchvision", "densenet121", 32), size=32).stages
    assert [(stage.name, stage.layout) for stage in stages[-2:]] == [("features.denseblock4", "NCHW"), ("pool", "NC")]


def test_maps_with_channels_last_are_told_by_their_shape() -> None:
    stages = split(build("torchvision", "swin_t", 64), size=64).stages
    assert [(stage.dim, stage.layout) for stage in stages[:2]] == [(96, "NHWC"), (96, "NHWC")]
    assert [(stage.dim, stage.layout) for stage in stages[-2:]] == [(768, "NCHW"), (768, "NC")]


def test_what_nearly_all_weights_are_in_is_looked_into() -> None:
    """torchvision's ViT keeps its blocks in an encoder with the positions, which belong to no block."""
    backbone = split(build("torchvision", "vit_b_32", 32), size=32)
    assert set(backbone.parts[0].owns) >= {"conv_proj", "class_token", "encoder.pos_embedding"}
    assert backbone.stages[1].name == "encoder.layers.encoder_layer_0"


def test_branches_that_travel_as_a_list_are_one_stage() -> None:
    stages = split(build("timm", "hrnet_w18_small", 64), size=64).stages
    assert [stage.name for stage in stages] == [
        "conv1", "conv2", "layer1.0", "transition1.0", "final_layer.0", "global_pool",
    ]  # fmt: skip
