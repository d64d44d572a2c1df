"""A small convolutional network for small pictures: a baseline, trained from scratch at native size."""

from __future__ import annotations

from torch import Tensor, nn

WIDTHS = (32, 64, 128, 256)


class SmallConvnet(nn.Module):
    """Four times convolution, batch norm, ReLU and max pooling, then the mean over all places.

    ``(N, 3, S, S)`` to ``(N, 256)`` for any ``S`` from 8 pixels; made for 8 to 64.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stage1 = ConvolutionStage(3, WIDTHS[0])
        self.stage2 = ConvolutionStage(WIDTHS[0], WIDTHS[1])
        self.stage3 = ConvolutionStage(WIDTHS[1], WIDTHS[2])
        self.stage4 = ConvolutionStage(WIDTHS[2], WIDTHS[3])
        self.global_pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()

    def forward(self, pictures: Tensor) -> Tensor:
        """The pooled features of a batch of pictures."""
        hidden = self.stage4(self.stage3(self.stage2(self.stage1(pictures))))
        pooled: Tensor = self.flatten(self.global_pool(hidden))
        return pooled


class ConvolutionStage(nn.Module):
    """Halves the side: ``(N, C, S, S)`` to ``(N, C', ceil(S / 2), ceil(S / 2))``."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels_out)
        self.activation = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)

    def forward(self, hidden: Tensor) -> Tensor:
        """Convolution, batch norm, ReLU, max pooling."""
        halved: Tensor = self.pool(self.activation(self.norm(self.convolution(hidden))))
        return halved
