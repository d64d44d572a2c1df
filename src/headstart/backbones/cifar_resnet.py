"""Residual networks for pictures of 32 × 32 pixels, as the paper has them for CIFAR-10.

He, Zhang, Ren and Sun 2016, Deep Residual Learning for Image Recognition, section 4.2: ``6 n + 2`` layers in three
groups of ``n`` blocks with 16, 32 and 64 channels. Shortcuts are option A: without weights, every second place, new
channels of zeros. Tensors have the names of Yerlan Idelbayev's widely used weights (akamaster/pytorch_resnet_cifar10),
so that his files load as they are.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class CifarResNet(nn.Module):
    """``(N, 3, S, S)`` to ``(N, 64)`` for any ``S`` from 8 pixels; made for 32.

    Args:
        blocks: Blocks ``n`` per group.
    """

    #: The classifier that the source has on the pooled features.
    removed = ("linear",)

    def __init__(self, blocks: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.act1 = nn.ReLU()
        self.layer1 = _group(16, 16, blocks)
        self.layer2 = _group(16, 32, blocks)
        self.layer3 = _group(32, 64, blocks)
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, pictures: Tensor) -> Tensor:
        """The pooled features of a batch of pictures."""
        hidden = self.act1(self.bn1(self.conv1(pictures)))
        hidden = self.layer3(self.layer2(self.layer1(hidden)))
        pooled: Tensor = self.flatten(self.global_pool(hidden))
        return pooled


class ResidualBlock(nn.Module):
    """``relu(x' + bn(conv(relu(bn(conv(x))))))`` where ``x'`` is ``x`` at the output's size.

    Args:
        channels_in: Channels of ``x``.
        channels_out: Channels of the output; where they are more, the side is halved.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.stride = 1 if channels_in == channels_out else 2
        self.added = channels_out - channels_in
        self.conv1 = nn.Conv2d(channels_in, channels_out, 3, stride=self.stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels_out)
        self.conv2 = nn.Conv2d(channels_out, channels_out, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels_out)

    def forward(self, hidden: Tensor) -> Tensor:
        """The block's output, ``(N, channels_out, S / stride, S / stride)``."""
        change = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(hidden)))))
        return functional.relu(self._shortcut(hidden) + change)

    def _shortcut(self, hidden: Tensor) -> Tensor:
        if not self.added:
            return hidden
        before = self.added // 2
        return functional.pad(hidden[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.added - before))


def _group(channels_in: int, channels_out: int, blocks: int) -> nn.Sequential:
    rest = (ResidualBlock(channels_out, channels_out) for _ in range(blocks - 1))
    return nn.Sequential(ResidualBlock(channels_in, channels_out), *rest)


def resnet20() -> CifarResNet:
    """0.27 million parameters."""
    return CifarResNet(3)


def resnet32() -> CifarResNet:
    """0.46 million parameters."""
    return CifarResNet(5)


def resnet44() -> CifarResNet:
    """0.66 million parameters."""
    return CifarResNet(7)


def resnet56() -> CifarResNet:
    """0.85 million parameters."""
    return CifarResNet(9)
