"""The small network for small pictures."""

import pytest
import torch
from torch.nn import functional

from headstart.backbones.small_convnet import ConvolutionStage, SmallConvnet


@pytest.mark.parametrize("size", [8, 15, 28, 64])
def test_any_small_size_gives_the_same_features_shape(size: int) -> None:
    assert SmallConvnet().eval()(torch.rand(2, 3, size, size)).shape == (2, 256)


def test_a_stage_is_convolution_norm_relu_and_pooling() -> None:
    stage = ConvolutionStage(3, 5).eval()
    hidden = torch.randn(2, 3, 9, 9)
    convolved = functional.conv2d(hidden, stage.convolution.weight, padding=1) / (1 + stage.norm.eps) ** 0.5
    expected = functional.max_pool2d(convolved.relu(), 3, stride=2, padding=1)
    torch.testing.assert_close(stage(hidden), expected)


def test_it_learns() -> None:
    torch.manual_seed(0)
    network, head = SmallConvnet(), torch.nn.Linear(256, 2)
    pictures = torch.rand(32, 3, 16, 16)
    labels = torch.arange(32) % 2
    pictures[labels == 1, :, :8] += 1
    optimizer = torch.optim.Adam([*network.parameters(), *head.parameters()], lr=3e-3)
    for _ in range(15):
        optimizer.zero_grad()
        loss = functional.cross_entropy(head(network(pictures)), labels)
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1
