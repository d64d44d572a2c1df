"""Layers of Keras as modules of torch, weights included.

Keras' own layers would run on torch too, but they hold the channels last, keep training and inference apart by an
argument instead of :meth:`torch.nn.Module.train`, and copy themselves by way of a file. The translation behaves as any
other model here does. That it computes the same is tested for every architecture.

The channels stand second: ``(N, H, W, C)`` becomes ``(N, C, H, W)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from headstart.core.errors import UnavailableError

#: Names of Keras' activations to functions of torch.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "sigmoid": torch.sigmoid,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "hard_sigmoid": functional.hardsigmoid,
    "hard_silu": functional.hardswish,
}


def module_of(layer: Any) -> nn.Module:
    """The module that computes what a layer of one input computes in inference.

    Args:
        layer: Built, with its weights. An activation inside it is left to :func:`activation_of`.

    Raises:
        UnavailableError: There is no translation for layers of this kind.
    """
    kind = type(layer).__name__
    if kind not in _MODULES:
        raise UnavailableError(f"Expected layers that headstart can translate to torch, but got {kind} ({layer.name}).")
    with torch.no_grad():
        return _MODULES[kind](layer)


def activation_of(layer: Any) -> Callable[[Tensor], Tensor] | None:
    """The function that a layer applies to its result; ``None`` where it applies none.

    Raises:
        UnavailableError: There is no translation for it.
    """
    name = getattr(getattr(layer, "activation", None), "__name__", "linear")
    if name not in ACTIVATIONS and name != "linear":
        raise UnavailableError(f"Expected one of the activations {', '.join(ACTIVATIONS)}, but got {name}.")
    return ACTIVATIONS.get(name)


class SamePadding(nn.Module):
    """TensorFlow's padding "same": as much as makes the result ``ceil(side / stride)`` long, the odd pixel last.

    Args:
        kernel: Height and width, dilation included.
        stride: Down and across.
        value: What is put around the picture.
    """

    def __init__(self, kernel: tuple[int, int], stride: tuple[int, int], value: float = 0.0) -> None:
        super().__init__()
        self.kernel, self.stride, self.value = kernel, stride, value

    def forward(self, hidden: Tensor) -> Tensor:
        """The padded maps."""
        (top, bottom), (left, right) = (
            _margins(int(hidden.shape[2 + axis]), self.kernel[axis], self.stride[axis]) for axis in (0, 1)
        )
        return functional.pad(hidden, (left, right, top, bottom), value=self.value)


class ChannelScale(nn.Module):
    """One factor per channel.

    Args:
        factor: ``(C,)``.
    """

    def __init__(self, factor: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(factor)

    def forward(self, hidden: Tensor) -> Tensor:
        """Maps of the same shape."""
        return hidden * self.weight[:, None, None]


class ChannelStandardization(nn.Module):
    """Subtracts a mean per channel and divides by a standard deviation; neither is trained.

    Args:
        mean: ``(C,)``.
        std: ``(C,)``.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, hidden: Tensor) -> Tensor:
        """Maps of the same shape."""
        return (hidden - self.mean[:, None, None]) / self.std[:, None, None]


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of every place."""

    def forward(self, hidden: Tensor) -> Tensor:
        """Maps of the same shape."""
        return super().forward(hidden.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Rescaling(nn.Module):
    """``scale · x + offset``, the same for all channels or one each; part of the architecture, not of the weights.

    Args:
        scale: One number, or ``(C,)``.
        offset: One number, or ``(C,)``.
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, scale: float | list[float], offset: float | list[float]) -> None:
        super().__init__()
        for name, value in (("scale", scale), ("offset", offset)):
            self.register_buffer(name, torch.tensor(value).reshape(-1, 1, 1), persistent=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """Maps of the same shape."""
        return hidden * self.scale + self.offset


class MeanOverPlaces(nn.Module):
    """Global average pooling: ``(N, C, H, W)`` to ``(N, C)``, or to ``(N, C, 1, 1)``.

    Args:
        keep: Whether the axes stay.
    """

    def __init__(self, keep: bool) -> None:
        super().__init__()
        self.keep = keep

    def forward(self, hidden: Tensor) -> Tensor:
        """The means."""
        return hidden.mean((2, 3), keepdim=self.keep)


class DropRows(nn.Module):
    """Stochastic depth: in training a whole example's maps become zero with probability ``rate``, others grow.

    Args:
        rate: The probability.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, hidden: Tensor) -> Tensor:
        """Maps of the same shape."""
        if not self.training:
            return hidden
        kept = torch.empty(len(hidden), 1, 1, 1, device=hidden.device).bernoulli_(1 - self.rate)
        return hidden * kept / (1 - self.rate)


def _conv2d(layer: Any) -> nn.Module:
    kernel = _array(layer.kernel).transpose(3, 2, 0, 1)
    return _convolution(layer, kernel, groups=layer.groups, bias=layer.bias)


def _depthwise(layer: Any) -> nn.Module:
    return _convolution(layer, _depthwise_kernel(layer.kernel), groups=layer.kernel.shape[2], bias=layer.bias)


def _separable(layer: Any) -> nn.Module:
    each = _convolution(
        layer, _depthwise_kernel(layer.depthwise_kernel), groups=layer.depthwise_kernel.shape[2], bias=None
    )
    return nn.Sequential(each, _pointwise(_array(layer.pointwise_kernel)[0, 0], layer.bias))


def _depthwise_kernel(kernel: Any) -> np.ndarray:
    """``(H, W, in, multiplier)`` to ``(in · multiplier, 1, H, W)``."""
    values = _array(kernel).transpose(2, 3, 0, 1)
    return values.reshape(-1, 1, *values.shape[2:])


def _convolution(layer: Any, kernel: np.ndarray, *, groups: int, bias: Any) -> nn.Module:
    """A convolution with ``kernel`` ``(out, in / groups, H, W)``; uneven padding is a module before it."""
    stride, dilation = tuple(layer.strides), tuple(layer.dilation_rate)
    covered = tuple((side - 1) * spread + 1 for side, spread in zip(kernel.shape[2:], dilation, strict=True))
    even = stride == (1, 1) and all(side % 2 for side in covered)
    same = layer.padding == "same"
    convolution = nn.Conv2d(
        kernel.shape[1] * groups,
        kernel.shape[0],
        kernel.shape[2:],
        stride=stride,
        padding=tuple(side // 2 for side in covered) if same and even else 0,
        dilation=dilation,
        groups=groups,
        bias=bias is not None,
    )
    _fill(convolution, weight=kernel, bias=bias)
    return nn.Sequential(SamePadding(covered, stride), convolution) if same and not even else convolution


def _dense(layer: Any) -> nn.Module:
    return _pointwise(_array(layer.kernel), layer.bias)


def _pointwise(kernel: np.ndarray, bias: Any) -> nn.Module:
    """``(in, out)`` applied at every place."""
    convolution = nn.Conv2d(kernel.shape[0], kernel.shape[1], 1, bias=bias is not None)
    _fill(convolution, weight=kernel.T[:, :, None, None], bias=bias)
    return convolution


def _batch_norm(layer: Any) -> nn.Module:
    """One without a scale or a centre gets the scale 1 and the centre 0."""
    norm = nn.BatchNorm2d(layer.moving_mean.shape[0], eps=layer.epsilon, momentum=1 - layer.momentum)
    _fill(norm, weight=layer.gamma, bias=layer.beta, running_mean=layer.moving_mean, running_var=layer.moving_variance)
    return norm


def _layer_norm(layer: Any) -> nn.Module:
    kind = nn.LayerNorm if len(layer.input.shape) == 2 else ChannelNorm
    norm = kind(layer.gamma.shape[0], eps=layer.epsilon)
    _fill(norm, weight=layer.gamma, bias=layer.beta)
    return norm


def _normalization(layer: Any) -> nn.Module:
    mean, variance = (torch.tensor(_array(value).reshape(-1)) for value in (layer.mean, layer.variance))
    return ChannelStandardization(mean, variance.sqrt().clamp_min(1e-7))


def _relu(layer: Any) -> nn.Module:
    if layer.negative_slope or layer.threshold or layer.max_value not in (None, 6):
        raise UnavailableError(f"Expected a ReLU with no limit or with 6, but got {layer.get_config()}.")
    return nn.ReLU6() if layer.max_value else nn.ReLU()


def _max_pool(layer: Any) -> nn.Module:
    pool = nn.MaxPool2d(tuple(layer.pool_size), tuple(layer.strides))
    if layer.padding != "same":
        return pool
    return nn.Sequential(SamePadding(tuple(layer.pool_size), tuple(layer.strides), float("-inf")), pool)


def _average_pool(layer: Any) -> nn.Module:
    size, stride, same = tuple(layer.pool_size), tuple(layer.strides), layer.padding == "same"
    if same and (stride != (1, 1) or not all(side % 2 for side in size)):
        raise UnavailableError(f"Expected average pooling that is padded evenly, but got {layer.get_config()}.")
    padding = tuple(side // 2 for side in size) if same else 0
    return nn.AvgPool2d(size, stride, padding, count_include_pad=False)


def _zero_padding(layer: Any) -> nn.Module:
    (top, bottom), (left, right) = layer.padding
    return nn.ZeroPad2d((left, right, top, bottom))


def _dropout(layer: Any) -> nn.Module:
    return nn.Dropout(layer.rate) if layer.noise_shape is None else DropRows(layer.rate)


def _reshape(layer: Any) -> nn.Module:
    """Only ``(C,)`` to ``(1, 1, C)``: what squeeze-and-excitation does."""
    if tuple(layer.target_shape[:2]) != (1, 1):
        raise UnavailableError(f"Expected a reshape to (1, 1, C), but got {layer.target_shape}.")
    return nn.Unflatten(1, (layer.target_shape[2], 1, 1))


_MODULES: dict[str, Callable[[Any], nn.Module]] = {
    "Activation": lambda layer: nn.Identity(),
    "AveragePooling2D": _average_pool,
    "BatchNormalization": _batch_norm,
    "Conv2D": _conv2d,
    "Dense": _dense,
    "DepthwiseConv2D": _depthwise,
    "Dropout": _dropout,
    "GlobalAveragePooling2D": lambda layer: MeanOverPlaces(layer.keepdims),
    "LayerNormalization": _layer_norm,
    "LayerScale": lambda layer: ChannelScale(torch.tensor(_array(layer.gamma))),
    "MaxPooling2D": _max_pool,
    "Normalization": _normalization,
    "ReLU": _relu,
    "Rescaling": lambda layer: Rescaling(layer.scale, layer.offset),
    "Reshape": _reshape,
    "SeparableConv2D": _separable,
    "Sequential": lambda layer: nn.Sequential(*map(module_of, layer.layers)),
    "ZeroPadding2D": _zero_padding,
}


def _margins(side: int, kernel: int, stride: int) -> tuple[int, int]:
    missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return missing // 2, missing - missing // 2


def _fill(module: nn.Module, **values: Any) -> None:
    """Puts arrays into parameters and buffers of the same shape; what is ``None`` is left as it was made."""
    for name, value in values.items():
        if value is not None:
            module.state_dict(keep_vars=True)[name].copy_(torch.tensor(_array(value)))


def _array(value: Any) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    from keras.ops import convert_to_numpy

    return np.asarray(convert_to_numpy(value), dtype=np.float32)
