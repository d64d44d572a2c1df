"""Our own small networks as backbones."""

import pytest

from headstart.backbones.catalog import open_backbone
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
