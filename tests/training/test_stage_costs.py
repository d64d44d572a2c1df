"""The cost of stages: whose precision they are of, and that every stage is timed by itself."""

import pytest
import torch
from torch import nn

from headstart.backbones.splitting import split
from headstart.backbones.stages import StagedBackbone
from headstart.training import stage_costs as module
from headstart.training.stage_costs import stage_costs
from headstart.training.timing import BFLOAT16_GAIN

INPUTS = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def backbone() -> StagedBackbone:
    layers = nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.Conv2d(5, 7, 3), nn.Conv2d(7, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    return split(layers.eval(), size=8)


def test_every_stage_has_its_seconds_and_its_size(backbone: StagedBackbone) -> None:
    costs = stage_costs(backbone, INPUTS)
    assert [cost.name for cost in costs] == [stage.name for stage in backbone.stages]
    assert [cost.output_values for cost in costs][:2] == [5 * 6 * 6, 7 * 4 * 4]
    assert all(0 < cost.seconds < 1 for cost in costs)


@pytest.mark.parametrize(("gain", "chosen"), [(1.1 * BFLOAT16_GAIN, "bfloat16"), (0.9 * BFLOAT16_GAIN, "float32")])
def test_all_stages_are_of_the_precision_that_is_clearly_quicker(
    backbone: StagedBackbone, gain: float, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = len(backbone.stages)

    def least(*_: object) -> tuple[list[float], list[int]]:
        lowered = torch.is_autocast_enabled("cpu")
        return ([1 / gain] * count if lowered else [0.5, *[1.0] * (count - 2), 1.5]), [1] * count

    monkeypatch.setattr(module, "_least", least)
    seconds = [4 * cost.seconds for cost in stage_costs(backbone, INPUTS)]
    expected = [1 / gain] * count if chosen == "bfloat16" else [0.5, *[1.0] * (count - 2), 1.5]
    assert seconds == pytest.approx(expected)
