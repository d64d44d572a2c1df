from collections.abc import Callable

import torch
from tests.tiny import changed, state_of

from headstart.training.kept import Kept
from headstart.training.network import Network
from headstart.training.phase import Phase


def shift(network: Network) -> None:
    with torch.no_grad():
        for parameter in network.head.parameters():
            parameter.add_(1)


def test_the_lowest_loss_wins_and_of_equal_ones_the_first(make_network: Callable[..., Network], phase: Phase) -> None:
    network = make_network()
    kept = Kept(network)
    assert str(kept) == "the state before it"
    states = []
    for epoch, loss in enumerate([0.9, 0.5, 0.5, 0.7]):
        shift(network)
        states.append(state_of(network))
        kept.consider(network, epoch, loss)
    kept.restore(network)
    assert not changed(states[1], network)
    assert (kept.epoch, kept.loss, str(kept)) == (1, 0.5, "epoch 2 (validation loss 0.500)")


def test_at_first_it_is_the_state_before(make_network: Callable[..., Network]) -> None:
    network = make_network()
    before, kept = state_of(network), Kept(network)
    shift(network)
    kept.restore(network)
    assert not changed(before, network)
