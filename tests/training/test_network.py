import dataclasses
from collections.abc import Callable

import torch

from headstart.training.network import Network
from headstart.training.phase import Phase


def test_the_boundary_changes_what_trains_but_not_what_is_computed(
    make_network: Callable[..., Network], phase: Phase
) -> None:
    network = make_network().eval()
    pictures = torch.rand(2, 3, 8, 8)
    expected = network.head(network.backbone(pictures))
    for boundary, trained in (("bottom", 3), ("last", 1), ("top", 0)):
        network.place_boundary(dataclasses.replace(phase, boundary=boundary))
        assert len(network.trained_stages) == trained
        torch.testing.assert_close(network(pictures), expected)


def test_nothing_below_the_boundary_is_part_of_the_graph(make_network: Callable[..., Network], phase: Phase) -> None:
    network = make_network()
    network.place_boundary(dataclasses.replace(phase, boundary="last"))
    assert not network.below(torch.rand(2, 3, 8, 8)).requires_grad
    network(torch.rand(2, 3, 8, 8)).sum().backward()
    graded = {
        name.split(".")[2] for name, value in network.backbone.named_parameters(prefix="b") if value.grad is not None
    }
    assert graded == {"last"}
