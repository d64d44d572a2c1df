"""LeNet-5 against the counts and tables of the paper."""

import numpy as np
import pytest
import torch

from headstart.backbones.architectures import build
from headstart.backbones.catalog import open_backbone
from headstart.backbones.lenet import LeNet, ScaledTanh, Subsampling, TableConvolution
from headstart.backbones.splitting import split

#: Table I of the paper, row by row: an X where a map of S2 (row) is read by a map of C3 (column).
TABLE_I = """
X . . . X X X . . X X X X . X X
X X . . . X X X . . X X X X . X
X X X . . . X X X . . X . X X X
. X X X . . X X X X . . X . X X
. . X X X . . X X X X . X X . X
. . . X X X . . X X X X . X X X
"""


def test_c3_reads_what_table_1_says() -> None:
    expected = np.array([line.split() for line in TABLE_I.strip().splitlines()]) == "X"
    table = LeNet().c3[0].table[:, :, 0, 0].numpy() > 0
    np.testing.assert_array_equal(table.T, expected)


def test_the_layers_have_as_many_parameters_as_in_the_paper() -> None:
    """C1 has two more input channels here: 2 × 6 × 25 weights more than the paper's 156."""
    model = LeNet()
    counts = {name: sum(p.numel() for p in layer.parameters()) for name, layer in model.named_children()}
    outside = int((1 - model.c3[0].table).sum()) * 25
    counts["c3"] -= outside
    assert counts == {"c1": 156 + 300, "s2": 12, "c3": 1516, "s4": 32, "c5": 48120, "f6": 10164}


def test_weights_outside_the_table_neither_count_nor_learn() -> None:
    layer = TableConvolution(2, ((0,), (0, 1)), 3)
    pictures = torch.randn(1, 2, 5, 5)
    before = layer(pictures)
    with torch.no_grad():
        layer.weight[0, 1] += 100
    torch.testing.assert_close(layer(pictures), before)
    layer(pictures).sum().backward()
    assert bool((layer.weight.grad[0, 1] == 0).all())
    assert bool((layer.weight.grad[1, 1] != 0).any())


def test_subsampling_sums_scales_and_squashes() -> None:
    layer = Subsampling(1)
    with torch.no_grad():
        layer.coefficient.fill_(0.5)
        layer.bias.fill_(0.25)
    found = layer(torch.tensor([[[[0.1, 0.2], [0.3, 0.4]]]])).item()
    assert found == pytest.approx(1.7159 * np.tanh(2 / 3 * (0.5 * 1.0 + 0.25)), abs=1e-6)


def test_the_squashing_function_keeps_one_and_minus_one() -> None:
    torch.testing.assert_close(
        ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0])), torch.tensor([-1.0, 0, 1]), atol=1e-4, rtol=0
    )


def test_its_stages_are_the_layers_of_the_paper() -> None:
    stages = split(build("headstart", "lenet", 32), size=32).stages
    assert [(stage.name, stage.dim) for stage in stages] == [("c1", 6), ("c3", 16), ("c5", 120), ("f6", 84)]


def test_it_is_a_backbone_to_train_from_scratch() -> None:
    converted = open_backbone("headstart:lenet", random_weights=True)
    assert (converted.card.preprocess.size, converted.card.top.dim) == (32, 84)
    assert "LeCun" in converted.card.paper
