from collections.abc import Callable

import pytest
import torch
from torch import nn

from headstart.backbones.stages import StagedBackbone
from headstart.core.errors import UnknownNameError, UsageError
from headstart.training.frozen import boundary_position, frozen_state, proved_frozen, state_hash, train_above

Make = Callable[..., StagedBackbone]


@pytest.mark.parametrize(("boundary", "position"), [("bottom", 0), ("middle", 1), (2, 2), ("top", 3)])
def test_a_boundary_is_an_end_a_stage_or_a_position(boundary: str | int, position: int, make_backbone: Make) -> None:
    assert boundary_position(make_backbone(), boundary) == position


def test_an_unknown_stage_suggests_the_nearest(make_backbone: Make) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'middle'"):
        boundary_position(make_backbone(), "midle")


def test_a_backbone_is_not_cut_where_the_law_does_not_hold(make_backbone: Make) -> None:
    with pytest.raises(UsageError, match="choose one of bottom, last, top"):
        boundary_position(make_backbone(cut=False), "middle")


def test_only_modules_above_the_boundary_are_in_training_mode(make_backbone: Make) -> None:
    backbone = make_backbone()
    backbone.train()
    train_above(backbone, 1, batch_norm="frozen")
    modes = {name: module.training for name, module in backbone.model.named_modules()}
    assert not any(mode for name, mode in modes.items() if name.startswith("stem"))
    assert (modes["middle.0"], modes["middle.1"], modes["middle.3"]) == (True, False, True)


def test_the_hash_sees_one_bit_of_a_buffer(make_backbone: Make) -> None:
    backbone = make_backbone()
    before = state_hash(frozen_state(backbone, 1))
    assert before == state_hash(frozen_state(make_backbone(), 1))
    norm = backbone.model.get_submodule("stem")[1]  # type: ignore[index]
    assert isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None
    norm.running_mean[0] = torch.nextafter(norm.running_mean[0], torch.tensor(1.0))
    assert state_hash(frozen_state(backbone, 1)) != before


def test_the_proof_covers_what_is_below_the_boundary_and_nothing_else(make_backbone: Make) -> None:
    backbone = make_backbone()
    last, stem = (next(iter(backbone.stage_state(name).values())) for name in ("last", "stem"))
    with proved_frozen(backbone, 2) as proof, torch.no_grad():
        last += 1
    assert proof.stages == ("stem", "middle")
    with pytest.raises(RuntimeError, match="an overridden step"), proved_frozen(backbone, 2), torch.no_grad():
        stem += 1
