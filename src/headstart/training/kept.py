"""The best state so far."""

from __future__ import annotations

import math
from collections.abc import Mapping

from torch import Tensor

from headstart.training.network import Network


class Kept:
    """The state with the lowest validation loss, and at first the one before the phase.

    Args:
        network: Only what lies above its boundary is kept; the rest does not change.

    Attributes:
        epoch: Which epoch's state it is, from 0; ``None`` for the one before the phase.
        loss: That epoch's validation loss.
        state: Parameters and buffers by name.
    """

    def __init__(self, network: Network) -> None:
        self.epoch: int | None = None
        self.loss = math.inf
        self.state = _copy(network.trained_state(network.boundary))

    def consider(self, network: Network, epoch: int, loss: float) -> None:
        """Keeps the present state where it is better."""
        if loss < self.loss:
            self.epoch, self.loss = epoch, loss
            self.state = _copy(network.trained_state(network.boundary))

    def restore(self, network: Network) -> None:
        """Puts the state back into the network."""
        network.load_state_dict(self.state, strict=False)

    def replace(self, epoch: int | None, loss: float, state: Mapping[str, Tensor]) -> None:
        """Holds what was kept in an earlier start of the same training."""
        self.epoch, self.loss, self.state = epoch, loss, _copy(state)

    def __str__(self) -> str:
        if self.epoch is None:
            return "the state before it"
        return f"epoch {self.epoch + 1} (validation loss {self.loss:.3f})"


def _copy(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in state.items()}
