"""LeNet-5, as the paper draws it, for colour pictures of 32 × 32 pixels.

LeCun, Bottou, Bengio and Haffner 1998, Gradient-Based Learning Applied to Document Recognition, section II.B. Kept are
the trainable subsampling, the table that connects S2 to C3, the scaled hyperbolic tangent and the way weights are
drawn. Two things differ: the input has three channels instead of one (C1 has 456 parameters instead of 156), and the
output layer of radial basis functions is left to the head, which is linear.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Table I of the paper: which of the six maps of S2 each of the sixteen maps of C3 reads.
_READ_BY_C3 = (
    *((first, (first + 1) % 6, (first + 2) % 6) for first in range(6)),
    *((first, (first + 1) % 6, (first + 2) % 6, (first + 3) % 6) for first in range(6)),
    *((first, (first + 1) % 6, (first + 3) % 6, (first + 4) % 6) for first in range(3)),
    tuple(range(6)),
)


class LeNet(nn.Module):
    """``(N, 3, 32, 32)`` to the 84 units of F6, ``(N, 84)``; the layers have the paper's names."""

    def __init__(self) -> None:
        super().__init__()
        self.c1 = Layer(nn.Conv2d(3, 6, 5), ScaledTanh())
        self.s2 = Subsampling(6)
        self.c3 = Layer(TableConvolution(6, _READ_BY_C3, 5), ScaledTanh())
        self.s4 = Subsampling(16)
        self.c5 = Layer(nn.Conv2d(16, 120, 5), ScaledTanh(), nn.Flatten())
        self.f6 = Layer(nn.Linear(120, 84), ScaledTanh())
        self.apply(_draw)

    def forward(self, pictures: Tensor) -> Tensor:
        """The activations of F6 for a batch of pictures."""
        maps = self.s4(self.c3(self.s2(self.c1(pictures))))
        units: Tensor = self.f6(self.c5(maps))
        return units


class Layer(nn.Sequential):
    """Weights and their squashing function: one layer of the paper, and one stage."""


class ScaledTanh(nn.Module):
    """``1.7159 tanh(2/3 x)``, which maps ±1 to ±1."""

    def forward(self, hidden: Tensor) -> Tensor:
        """The activation, element by element."""
        return 1.7159 * torch.tanh(hidden * (2 / 3))


class Subsampling(nn.Module):
    """Halves the side: the sum over 2 × 2 places, times a coefficient per map, plus a bias per map, then squashed.

    At the start it is the mean: the coefficients are 1/4.

    Args:
        maps: Number of maps.
    """

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.full((maps,), 0.25))
        self.bias = nn.Parameter(torch.zeros(maps))
        self.squash = ScaledTanh()

    def forward(self, hidden: Tensor) -> Tensor:
        """``(N, C, S, S)`` to ``(N, C, S / 2, S / 2)``."""
        sums = 4 * functional.avg_pool2d(hidden, 2)
        halved: Tensor = self.squash(sums * self.coefficient[:, None, None] + self.bias[:, None, None])
        return halved


class TableConvolution(nn.Conv2d):
    """A convolution in which each output map reads only the input maps that a table names.

    Weights outside the table are there, are zero at the start, and never count nor learn.

    Args:
        maps: Number of input maps.
        table: For each output map the input maps it reads.
        side: Side of the kernel.
    """

    table: Tensor

    def __init__(self, maps: int, table: tuple[tuple[int, ...], ...], side: int) -> None:
        super().__init__(maps, len(table), side)
        connected = torch.tensor([[float(known in read) for known in range(maps)] for read in table])
        self.register_buffer("table", connected[:, :, None, None], persistent=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """``(N, maps, S, S)`` to ``(N, len(table), S - side + 1, S - side + 1)``."""
        return functional.conv2d(hidden, self.weight * self.table, self.bias)


def _draw(module: nn.Module) -> None:
    """Uniformly from ±2.4 / F, where F is the number of inputs of a unit (appendix A); biases start at zero."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        used = torch.ones_like(module.weight) * getattr(module, "table", 1.0)
        inputs = used.sum(dim=tuple(range(1, used.ndim)), keepdim=True)
        with torch.no_grad():
            module.weight.uniform_(-2.4, 2.4).mul_(used / inputs)
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]
