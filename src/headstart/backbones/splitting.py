"""Cutting a source model into stages, and refusing where the cut would be wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from headstart.backbones.card import Layout, Stage
from headstart.backbones.law import cannot_compose, check_law
from headstart.backbones.stages import Part, StagedBackbone, stage_of_output
from headstart.core.errors import UnavailableError

#: A child of one of these names pools: it and the children after it are the last stage, so that the last
#: feature map stays within reach of tasks that need places (detection, segmentation).
_POOLS = ("global_pool", "avgpool", "head")


def split(model: nn.Module, *, size: int) -> StagedBackbone:
    """Cuts a model into stages and checks the law.

    The stages are the model's children in order, with every plain ``nn.Sequential`` opened one level
    (``layer4.1``, ``blocks.6``). A child without weight matrices (a norm, an activation, a pooling) belongs
    to the stage before it.

    Args:
        model: A source model without its classifier: ``(N, 3, size, size)`` to pooled features ``(N, D)``, in
            evaluation mode.
        size: Side of its square input, in pixels.

    Raises:
        UnavailableError: The stages in order do not give the model's own output, or leave some of its weights
            out.
    """
    parts = parts_of(model)
    _check_ownership(model, parts)
    pictures = torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    stages = _describe(model, parts, pictures)
    boundaries = check_law(StagedBackbone(model, parts, stages), pictures)
    held = [replace(stage, boundary=holds) for stage, holds in zip(stages, boundaries, strict=True)]
    return StagedBackbone(model, parts, held)


def parts_of(model: nn.Module) -> list[Part]:
    """The parts of a model, input to output, as :func:`split` describes them; nothing is checked."""
    if all(hasattr(model, name) for name in ("patch_embed", "_pos_embed", "patch_drop", "blocks")):
        return _vision_transformer_parts(model)
    groups: list[list[str]] = []
    for path, child in _children(model):
        in_last_stage = bool(groups) and groups[-1][0] in _POOLS
        if not groups or (not in_last_stage and (path in _POOLS or _has_matrices(child))):
            groups.append([path])
        else:
            groups[-1].append(path)
    return [Part(_stage_name(model, group), tuple(group), Children(tuple(group))) for group in groups]


@dataclass(frozen=True, slots=True)
class Children:
    """Runs submodules of the source model one after the other.

    Attributes:
        paths: Their names, in order.
    """

    paths: tuple[str, ...]

    def __call__(self, model: nn.Module, hidden: Tensor, context: object) -> Tensor:
        """The output of the last of them."""
        for path in self.paths:
            hidden = model.get_submodule(path)(hidden)
        return hidden


def _vision_transformer_parts(model: nn.Module) -> list[Part]:
    embedding = ("patch_embed", "cls_token", "reg_token", "pos_embed", "norm_pre")
    blocks = [f"blocks.{index}" for index in range(len(model.get_submodule("blocks")._modules))]
    return [
        Part("patch_embed", embedding, _embed_patches),
        *(Part(block, (block,), Children((block,))) for block in blocks),
        Part("norm", ("norm", "attn_pool", "fc_norm"), _pool_tokens),
    ]


def _embed_patches(model: nn.Module, hidden: Tensor, context: object) -> Tensor:
    tokens: Tensor = model._pos_embed(model.patch_embed(hidden))  # type: ignore[operator]
    embedded: Tensor = model.norm_pre(model.patch_drop(tokens))  # type: ignore[operator]
    return embedded


def _pool_tokens(model: nn.Module, hidden: Tensor, context: object) -> Tensor:
    pooled: Tensor = model.forward_head(model.norm(hidden))  # type: ignore[operator]
    return pooled


def _children(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    for name, child in model.named_children():
        if type(child) is nn.Sequential:  # a subclass may have a forward of its own
            yield from ((f"{name}.{inner}", module) for inner, module in child.named_children())
        else:
            yield name, child


def _has_matrices(child: nn.Module) -> bool:
    return any(parameter.ndim > 1 for parameter in child.parameters())


def _stage_name(model: nn.Module, group: Sequence[str]) -> str:
    weighty = (path for path in group if _has_matrices(model.get_submodule(path)))
    return next(weighty, group[0])


def _check_ownership(model: nn.Module, parts: Sequence[Part]) -> None:
    for name in model.state_dict():
        owners = [part.name for part in parts if part.holds(name)]
        if len(owners) != 1:
            raise UnavailableError(cannot_compose(model, f"{name!r} belongs to {owners or 'none'} of them"))


def _describe(model: nn.Module, parts: Sequence[Part], pictures: Tensor) -> list[Stage]:
    layout: Layout = getattr(model, "output_fmt", "NCHW")
    hidden, stages = pictures, []
    try:
        with torch.no_grad():
            for part in parts:
                hidden = part.step(model, hidden, None)
                stages.append(stage_of_output(part.name, hidden, layout))
    except Exception as error:
        raise UnavailableError(cannot_compose(model, f"running them in order fails: {error}")) from error
    return stages
