"""A staged backbone's own manners; the law has a file of its own."""

import copy

import pytest
import torch

from headstart.backbones.architectures import build
from headstart.backbones.card import Stage
from headstart.backbones.splitting import split
from headstart.backbones.stages import StagedBackbone, stage_of_output
from headstart.core.errors import UnknownNameError, UsageError


@pytest.fixture(scope="module")
def resnet() -> StagedBackbone:
    return split(build("timm", "resnet18", 64), size=64)


def test_stages_are_named_as_in_the_source_model(resnet: StagedBackbone) -> None:
    names = [stage.name for stage in resnet.stages]
    assert names == ["conv1", *(f"layer{k}.{i}" for k in range(1, 5) for i in range(2)), "global_pool"]
    assert resnet.feature_dim("layer2.1") == 128


def test_a_name_means_its_position_as_in_a_slice(resnet: StagedBackbone) -> None:
    pictures = torch.rand(1, 3, 64, 64)
    assert resnet.position("layer1.0") == 1
    assert torch.equal(resnet(pictures, stop="layer1.0"), resnet(pictures, stop=1))
    assert torch.equal(resnet(pictures, stop=0), pictures)


def test_unknown_stages_are_refused_with_the_nearest(resnet: StagedBackbone) -> None:
    with pytest.raises(UnknownNameError, match=r"layer4\.1"):
        resnet.position("layer4.2")
    with pytest.raises(UsageError, match="0 to 10"):
        resnet.position(11)


def test_outputs_are_what_the_stages_give_one_by_one(resnet: StagedBackbone) -> None:
    pictures = torch.rand(1, 3, 64, 64)
    for count, output in enumerate(resnet.outputs(pictures), start=1):
        assert torch.equal(output, resnet(pictures, stop=count))


def test_a_feature_pyramid_reaches_the_last_map(resnet: StagedBackbone) -> None:
    sides = [output.shape[-1] for output in resnet.outputs(torch.rand(1, 3, 64, 64))[:-1]]
    assert sides == [16, 16, 16, 8, 8, 4, 4, 2, 2]


def test_every_tensor_belongs_to_one_stage(resnet: StagedBackbone) -> None:
    names = [name for stage in resnet.stages for name in resnet.stage_state(stage.name)]
    assert sorted(names) == sorted(resnet.model.state_dict())
    assert resnet.stage_state("conv1")["conv1.weight"] is resnet.model.conv1.weight


def test_a_copy_runs_its_own_weights(resnet: StagedBackbone) -> None:
    pictures = torch.rand(1, 3, 64, 64)
    before = resnet(pictures)
    copied = copy.deepcopy(resnet)
    with torch.no_grad():
        copied.model.conv1.weight.mul_(3)
    assert torch.equal(resnet(pictures), before)
    assert not torch.equal(copied(pictures), before)


@pytest.mark.parametrize(
    ("shape", "layout", "stage"),
    [
        ((2, 5, 3, 3), "NCHW", Stage("s", 5, "NCHW")),
        ((2, 3, 3, 5), "NHWC", Stage("s", 5, "NHWC")),
        ((2, 9, 5), "NCHW", Stage("s", 5, "NLC")),
        ((2, 5), "NCHW", Stage("s", 5, "NC")),
    ],
)
def test_pooling_is_the_mean_over_places(shape: tuple[int, ...], layout: str, stage: Stage) -> None:
    values = torch.randn(shape)
    assert stage_of_output("s", values, layout) == stage
    pooled = StagedBackbone(torch.nn.Identity(), [_Named("s")], [stage]).pooled(values, 0)
    channel = 1 if stage.layout == "NCHW" else values.ndim - 1
    expected = values.movedim(channel, 1).flatten(2).mean(2) if values.ndim > 2 else values
    torch.testing.assert_close(pooled, expected)


@pytest.mark.parametrize("shape", [(2, 3, 3, 5), (2,), (2, 1, 1, 1, 1)])
def test_an_output_without_square_places_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="put out"):
        stage_of_output("s", torch.zeros(shape), "NCHW")


def test_parts_and_stages_must_agree() -> None:
    with pytest.raises(UsageError, match="other"):
        StagedBackbone(torch.nn.Identity(), [_Named("s")], [Stage("other", 1, "NC")])


class _Named:
    def __init__(self, name: str) -> None:
        self.name = name
