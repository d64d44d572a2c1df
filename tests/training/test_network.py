import dataclasses
from collections.abc import Callable

import pytest
import torch
from tests.tiny import changed, state_of

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


def test_inputs_may_enter_anywhere_up_to_the_boundary(make_network: Callable[..., Network], phase: Phase) -> None:
    network = make_network().eval()
    network.place_boundary(dataclasses.replace(phase, boundary="last"))
    pictures = torch.rand(2, 3, 8, 8)
    expected = network(pictures)
    for start in (1, 2):
        hidden = network.backbone(pictures, stop=start)
        torch.testing.assert_close(network(hidden, start=start), expected)
    assert torch.equal(network.below(hidden, start=2), hidden)


def test_inputs_that_enter_above_the_boundary_are_refused(make_network: Callable[..., Network], phase: Phase) -> None:
    network = make_network()
    network.place_boundary(dataclasses.replace(phase, boundary="middle"))
    with pytest.raises(ValueError, match="up to the boundary, position 1, but got `start` 2"):
        network(torch.rand(2, 12, 2, 2), start=2)


@pytest.mark.parametrize("layout", ["channels_last", "contiguous"])
def test_a_layout_moves_kernels_and_batches_but_no_value(layout: str, make_network: Callable[..., Network]) -> None:
    formats = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}
    network, pictures = make_network().eval(), torch.rand(2, 3, 8, 8)
    before, expected = state_of(network), network(pictures)
    network.lay_out("channels_last")
    network.lay_out(layout)  # type: ignore[arg-type]
    assert not changed(before, network)
    assert network.backbone.stage_state("middle")["middle.0.weight"].is_contiguous(memory_format=formats[layout])
    assert network.below(pictures).is_contiguous(memory_format=formats[layout])
    torch.testing.assert_close(network(pictures), expected)


def test_the_trained_state_is_the_head_and_what_lies_above(make_network: Callable[..., Network]) -> None:
    network = make_network()
    assert network.trained_state(0).keys() == network.state_dict().keys()
    above = {name for name in network.state_dict() if ".stem." not in name and ".middle." not in name}
    assert network.trained_state(2).keys() == above
    assert network.trained_state(3).keys() == {"head.weight", "head.bias"}
