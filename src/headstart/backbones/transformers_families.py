"""The families of vision models in transformers: how their blocks are called, and how they pool.

The pooled output is what the model's own ``*ForImageClassification`` reads, so that it is the same whichever head a
repository's weights were saved with:

===========================  =====================================================================================
ViT, DeiT                    the class token after the last norm; a pooler behind it (a dense layer and tanh, which
                             masked-picture pretraining leaves untrained) is left out, as transformers' classifier does
DINOv2                       the class token and the mean of the patch tokens after the last norm, one behind the other
BEiT                         the mean of the patch tokens, then a norm; or the class token, as its configuration says
Swin                         the mean of the tokens after the last norm
ConvNeXt, ConvNeXt V2        the mean over all places, then the last norm
ResNet                       the mean over all places
===========================  =====================================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from headstart.core.errors import UnknownNameError

#: Source model, one of its blocks and a hidden state to that block's output.
Run = Callable[[nn.Module, nn.Module, Tensor], Any]

#: Source model and the last block's output to pooled features.
Pool = Callable[[nn.Module, Tensor], Tensor]


@dataclass(frozen=True, slots=True)
class Family:
    """What headstart has to know about models of one ``model_type``.

    Attributes:
        pool: Pools the last block's output.
        pooled: Source model and what its own ``forward`` returns to pooled features.
        final: Names of the submodules that ``pool`` uses.
        run: Calls a block.
        fixed_size: Whether the weights' shapes follow from the side of the input.
        processor: The image processor of a repository that does not name one.
        paper: Reference of the architecture.
    """

    pool: Pool
    pooled: Callable[[Any, Any], Tensor]
    final: tuple[str, ...]
    run: Run
    fixed_size: bool
    processor: str
    paper: str


def family_of(model_type: str) -> Family:
    """What is known about models of this type.

    Raises:
        UnknownNameError: They are not supported.
    """
    if model_type not in FAMILIES:
        raise UnknownNameError("vision model of transformers", model_type, FAMILIES)
    return FAMILIES[model_type]


def run_plainly(model: nn.Module, block: nn.Module, hidden: Tensor) -> Any:
    """A block that needs nothing but the hidden state."""
    return block(hidden)


def _with_grid(model: nn.Module, block: nn.Module, hidden: Tensor) -> Any:
    side = math.isqrt(int(hidden.shape[1]))  # the tokens of a square picture
    return block(hidden, (side, side))


def _with_resolution(model: nn.Module, block: nn.Module, hidden: Tensor) -> Any:
    size = model.config.image_size  # type: ignore[union-attr]
    return block(hidden, resolution=(size, size))


def _pooler_output(model: Any, output: Any) -> Tensor:
    pooled: Tensor = output.pooler_output.flatten(1)
    return pooled


def _class_token(model: Any, output: Any) -> Tensor:
    token: Tensor = output.last_hidden_state[:, 0]
    return token


def _class_token_and_mean(model: Any, output: Any) -> Tensor:
    return _token_and_patches(output.last_hidden_state)


def _token_and_patches(tokens: Tensor) -> Tensor:
    return torch.cat([tokens[:, 0], tokens[:, 1:].mean(dim=1)], dim=1)


def _pool_vit(model: Any, hidden: Tensor) -> Tensor:
    token: Tensor = model.layernorm(hidden)[:, 0]
    return token


def _pool_dinov2(model: Any, hidden: Tensor) -> Tensor:
    return _token_and_patches(model.layernorm(hidden))


def _pool_beit(model: Any, hidden: Tensor) -> Tensor:
    pooled: Tensor = model.pooler(model.layernorm(hidden))
    return pooled


def _pool_swin(model: Any, hidden: Tensor) -> Tensor:
    pooled: Tensor = model.pooler(model.layernorm(hidden).transpose(1, 2)).flatten(1)
    return pooled


def _pool_convnext(model: Any, hidden: Tensor) -> Tensor:
    pooled: Tensor = model.layernorm(hidden.mean((-2, -1)))
    return pooled


def _pool_resnet(model: Any, hidden: Tensor) -> Tensor:
    pooled: Tensor = model.pooler(hidden).flatten(1)
    return pooled


_VIT = Family(_pool_vit, _class_token, ("layernorm",), run_plainly, True, "ViTImageProcessor", "")
_CONVNEXT = Family(_pool_convnext, _pooler_output, ("layernorm",), run_plainly, False, "ConvNextImageProcessor", "")

#: ``model_type`` of a configuration to its family.
FAMILIES: dict[str, Family] = {
    "vit": replace(_VIT, paper="Dosovitskiy et al. 2021, An Image is Worth 16x16 Words (arXiv:2010.11929)"),
    "deit": replace(_VIT, processor="DeiTImageProcessor", paper="Touvron et al. 2021, DeiT (arXiv:2012.12877)"),
    "dinov2": Family(
        _pool_dinov2,
        _class_token_and_mean,
        ("layernorm",),
        run_plainly,
        fixed_size=False,
        processor="BitImageProcessor",
        paper="Oquab et al. 2023, DINOv2 (arXiv:2304.07193)",
    ),
    "beit": Family(
        _pool_beit,
        _pooler_output,
        ("layernorm", "pooler"),
        _with_resolution,
        fixed_size=True,
        processor="BeitImageProcessor",
        paper="Bao et al. 2022, BEiT (arXiv:2106.08254)",
    ),
    "swin": Family(
        _pool_swin,
        _pooler_output,
        ("layernorm", "pooler"),
        _with_grid,
        fixed_size=True,
        processor="ViTImageProcessor",
        paper="Liu et al. 2021, Swin Transformer (arXiv:2103.14030)",
    ),
    "convnext": replace(_CONVNEXT, paper="Liu et al. 2022, A ConvNet for the 2020s (arXiv:2201.03545)"),
    "convnextv2": replace(_CONVNEXT, paper="Woo et al. 2023, ConvNeXt V2 (arXiv:2301.00808)"),
    "resnet": Family(
        _pool_resnet,
        _pooler_output,
        ("pooler",),
        run_plainly,
        fixed_size=False,
        processor="ConvNextImageProcessor",
        paper="He et al. 2016, Deep Residual Learning (arXiv:1512.03385)",
    ),
}
