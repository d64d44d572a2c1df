"""Our own small networks as backbones."""

import pytest
import torch

from headstart.backbones.architectures import build
from headstart.backbones.catalog import open_backbone
from headstart.backbones.sources.contract import Request
from headstart.backbones.sources.own import OwnSource, architectures
from headstart.core.errors import UnavailableError, UnknownNameError, UsageError


def test_the_size_is_the_tag() -> None:
    assert open_backbone("headstart:small_convnet.28", random_weights=True).card.preprocess.size == 28
    assert open_backbone("headstart:small_convnet", random_weights=True).card.preprocess.size == 32


@pytest.mark.parametrize("tag", ["4", "65", "x", "-8"])
def test_other_sizes_are_refused(tag: str) -> None:
    with pytest.raises(UsageError, match="8 to 64"):
        open_backbone(f"headstart:small_convnet.{tag}", random_weights=True)


def test_nobody_has_trained_it() -> None:
    with pytest.raises(UnavailableError, match="--random-weights"):
        open_backbone("headstart:small_convnet.8")


def test_an_unknown_network_is_told_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="small_convnet"):
        open_backbone("headstart:small_convent", random_weights=True)


@pytest.mark.parametrize("name", architectures())
def test_all_of_them_have_a_source_and_build(name: str) -> None:
    blueprint = OwnSource().blueprint(Request("headstart", name, random_weights=True))
    assert (blueprint.preprocess.size, blueprint.preprocess.resized) == (32, 32)
    assert build("headstart", name, 32)(torch.zeros(1, 3, 32, 32)).ndim == 2


def test_lenet_has_one_size() -> None:
    with pytest.raises(UsageError, match=r"a size of 32 pixels"):
        open_backbone("headstart:lenet.28", random_weights=True)
