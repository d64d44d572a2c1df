import dataclasses
import math
from collections.abc import Callable

import pytest
import torch
from torch.optim.lr_scheduler import OneCycleLR

from headstart.training.network import Network
from headstart.training.optimizer import build_optimizer, build_schedule, one_cycle
from headstart.training.phase import LearningRates, Phase


def test_each_stage_trains_at_its_own_rate_and_only_kernels_decay(
    make_network: Callable[..., Network], phase: Phase
) -> None:
    network = make_network()
    rates = LearningRates(head=0.3, backbone=0.1, decay=0.5)
    here = dataclasses.replace(phase, boundary="middle", learning_rates=rates)
    network.place_boundary(here)
    optimizer = build_optimizer(network, here)
    names = {parameter: name for name, parameter in network.named_parameters()}
    found = {
        names[parameter]: (group["lr"], group["weight_decay"])
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    assert found["head.weight"] == (0.3, 0.05)
    assert found["head.bias"] == (0.3, 0.0)
    assert found["backbone.model.last.0.weight"] == (0.1, 0.05)
    assert found["backbone.model.middle.0.weight"] == (0.05, 0.05)
    assert found["backbone.model.middle.1.weight"] == (0.05, 0.0)
    assert set(found) == {name for name, value in network.named_parameters() if value.requires_grad}


def test_one_cycle_is_torchs_with_the_final_rate_given_as_a_share_of_the_peak() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    reference = OneCycleLR(
        optimizer, 1.0, 101, pct_start=0.21, div_factor=25, final_div_factor=1e4 / 25, cycle_momentum=False
    )
    for step in range(101):
        # torch places the peak at pct_start * steps - 1, ours at warm_up * (steps - 1)
        assert one_cycle(step, 101, 20.21 / 100) == pytest.approx(reference.get_last_lr()[0], rel=1e-9)
        optimizer.step()
        reference.step()


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 60])
def test_one_cycle_holds_for_any_number_of_steps(steps: int) -> None:
    shares = [one_cycle(step, steps, 0.2) for step in range(steps)]
    assert all(0 < share <= 1 and math.isfinite(share) for share in shares)
    peak = shares.index(max(shares))
    assert shares[: peak + 1] == sorted(shares[: peak + 1])
    assert shares[peak:] == sorted(shares[peak:], reverse=True)


def test_the_schedule_scales_every_groups_own_rate() -> None:
    parameters = [torch.zeros(1, requires_grad=True) for _ in range(2)]
    groups = [{"params": [parameters[0]], "lr": 1.0}, {"params": [parameters[1]], "lr": 0.1}]
    optimizer = torch.optim.SGD(groups)
    schedule = build_schedule(optimizer, steps=11, warm_up=0.2)
    for step in range(11):
        assert schedule.get_last_lr() == pytest.approx([one_cycle(step, 11, 0.2), 0.1 * one_cycle(step, 11, 0.2)])
        optimizer.step()
        schedule.step()
