"""Cutting a source model into stages, and refusing where the cut would be wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import pairwise

import torch
from torch import Tensor, nn

from headstart.backbones.card import Layout, Stage
from headstart.backbones.graph_parts import Instruction, Segment, traced_segments
from headstart.backbones.law import cannot_compose, check_law
from headstart.backbones.preprocess import Preprocess
from headstart.backbones.stages import Part, StagedBackbone, stage_of_output
from headstart.core.errors import UnavailableError

#: What pools: it and all that follows without weights of its own is a stage, so that the last feature map stays
#: within reach of tasks that need places (detection, segmentation). Names of children, and of functions.
_POOLS = ("global_pool", "avgpool", "head")
_POOLING_FUNCTIONS = ("adaptive_avg_pool2d", "mean", "getitem")

#: A child that holds more than this share of all weights is not one stage: it is looked into.
_NEARLY_ALL = 0.75


#: Inputs that the law is checked on; where they are of different lengths, three show padding at work.
_EXAMPLES, _RAGGED_EXAMPLES = 2, 3


def split_for(model: nn.Module, preprocess: Preprocess) -> StagedBackbone:
    """Cuts a model into stages as :func:`split` does, and checks the law on noise that was prepared for it.

    Args:
        model: A source model without its classifier, in evaluation mode, which takes what the entrance gives.
        preprocess: How its inputs are prepared.

    Raises:
        UnavailableError: As for :func:`split`.
    """
    count = _RAGGED_EXAMPLES if -1 in preprocess.axes else _EXAMPLES
    hidden, context = preprocess.entrance()(torch.from_numpy(preprocess.random_inputs(count)))
    return _split(model, hidden, context)


def split(model: nn.Module, *, size: int) -> StagedBackbone:
    """Cuts a model for pictures into stages and checks the law.

    The stages are the model's children, with every plain ``nn.Sequential`` and every child that holds nearly all
    weights opened one level (``layer4.1``, ``blocks.6``). What has no weight matrices (a norm, an activation, a
    function call) belongs to the stage before it. Where the children in order are not the model, because it calls
    functions between them or in another order, it is cut by its graph (:mod:`headstart.backbones.graph_parts`).

    Args:
        model: A source model without its classifier: ``(N, 3, size, size)`` to pooled features ``(N, D)``, in
            evaluation mode.
        size: Side of its square input, in pixels.

    Raises:
        UnavailableError: The stages in order do not give the model's own output, or leave some of its weights
            out.
    """
    return _split(model, torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(0)), None)


def _split(model: nn.Module, hidden: Tensor, context: Tensor | None) -> StagedBackbone:
    parts, stages = describe(model, hidden, context)
    boundaries = check_law(StagedBackbone(model, parts, stages), hidden, context)
    held = [replace(stage, boundary=holds) for stage, holds in zip(stages, boundaries, strict=True)]
    return StagedBackbone(model, parts, held)


def describe(model: nn.Module, hidden: Tensor, context: Tensor | None = None) -> tuple[list[Part], list[Stage]]:
    """The parts of a model and the stages that they make of a batch; the law is not checked.

    Raises:
        UnavailableError: The parts in order cannot be run, or leave some of the weights out.
    """
    parts = parts_of(model)
    _check_ownership(model, parts)
    return parts, _run_in_order(model, parts, hidden, context)


def parts_of(model: nn.Module) -> list[Part]:
    """The parts of a model, input to output, as :func:`split` describes them; nothing is checked.

    A model whose builder knows its parts brings them as ``own_parts``.
    """
    if brought := getattr(model, "own_parts", ()):
        return list(brought)
    if all(hasattr(model, name) for name in ("patch_embed", "_pos_embed", "patch_drop", "blocks")):
        return _vision_transformer_parts(model)
    children = [path for path, _ in _children(model)]
    segments = traced_segments(model, children)
    if segments is None or _are_in_order(segments, children):
        return _parts_in_order(model, children)
    return _parts_of_graph(model, segments)


@dataclass(frozen=True, slots=True)
class Children:
    """Runs submodules of the source model one after the other.

    Attributes:
        paths: Their names, in order.
    """

    paths: tuple[str, ...]

    def __call__(self, model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
        """The output of the last of them."""
        for path in self.paths:
            hidden = model.get_submodule(path)(hidden)
        return hidden


def _are_in_order(segments: Sequence[Segment], paths: Sequence[str]) -> bool:
    """Whether the model calls these children one after the other, and nothing else."""
    calls = [call for segment in segments for call in segment.instructions]
    plain = all(call.kind == "call_module" and len(call.args) == 1 and not call.kwargs for call in calls)
    return plain and len(calls) == len(segments) and [call.target for call in calls] == list(paths)


def _parts_in_order(model: nn.Module, paths: Sequence[str]) -> list[Part]:
    weighty = [_has_matrices(model, path) for path in paths]
    groups = _stages(weighty, [_pools(model, path) for path in paths])
    owned = [tuple(paths[group]) for group in groups]
    return [Part(_stage_name(model, group, group), group, Children(group)) for group in owned]


def _parts_of_graph(model: nn.Module, segments: Sequence[Segment]) -> list[Part]:
    weighty = [any(_has_matrices(model, path) for path in segment.modules) for segment in segments]
    pools = [any(_is_pooling(model, call) for call in segment.instructions) for segment in segments]
    parts = []
    for group in _stages(weighty, pools):
        joined = reduce(Segment.then, segments[group])
        parts.append(Part(_stage_name(model, joined.modules, segments[group][0].modules), joined.owns, joined))
    return parts


def _stages(weighty: Sequence[bool], pools: Sequence[bool]) -> list[slice]:
    """Which pieces make a stage: up to one with weight matrices, and what follows until the next such or a pooling."""
    starts, has_weights = [0], False
    for index, (weights, pooling) in enumerate(zip(weighty, pools, strict=True)):
        if has_weights and (weights or pooling):
            starts.append(index)
            has_weights = False
        has_weights = has_weights or weights
    return [slice(start, end) for start, end in pairwise([*starts, len(weighty)])]


def _vision_transformer_parts(model: nn.Module) -> list[Part]:
    embedding = ("patch_embed", "cls_token", "reg_token", "pos_embed", "norm_pre")
    blocks = [f"blocks.{index}" for index in range(len(model.get_submodule("blocks")._modules))]
    return [
        Part("patch_embed", embedding, _embed_patches),
        *(Part(block, (block,), Children((block,))) for block in blocks),
        Part("norm", ("norm", "attn_pool", "fc_norm"), _pool_tokens),
    ]


def _embed_patches(model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
    tokens: Tensor = model._pos_embed(model.patch_embed(hidden))  # type: ignore[operator]
    embedded: Tensor = model.norm_pre(model.patch_drop(tokens))  # type: ignore[operator]
    return embedded


def _pool_tokens(model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
    pooled: Tensor = model.forward_head(model.norm(hidden))  # type: ignore[operator]
    return pooled


def _children(model: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    total = sum(parameter.numel() for parameter in model.parameters())
    for name, child in model.named_children():
        path = f"{prefix}{name}"
        if type(child) in (nn.Sequential, nn.ModuleList):  # a subclass may have a forward of its own
            yield from ((f"{path}.{inner}", module) for inner, module in child.named_children())
        elif _is_model_of_its_own(child, total):
            yield from _children(child, f"{path}.")
        else:
            yield path, child


def _is_model_of_its_own(child: nn.Module, total: int) -> bool:
    held = sum(parameter.numel() for parameter in child.parameters())
    return held > _NEARLY_ALL * total and any(type(inner) is nn.Sequential for inner in child.children())


def _has_matrices(model: nn.Module, path: str) -> bool:
    return any(parameter.ndim > 1 for parameter in model.get_submodule(path).parameters())


def _pools(model: nn.Module, path: str) -> bool:
    return path in _POOLS or isinstance(model.get_submodule(path), nn.AdaptiveAvgPool2d)


def _is_pooling(model: nn.Module, call: Instruction) -> bool:
    """A module that pools, a mean, or the choice of one token: ``x[:, 0]``, but not ``x.shape[0]``."""
    if call.kind == "call_module":
        return _pools(model, call.target)
    name = getattr(call.target, "__name__", call.target)
    return name in _POOLING_FUNCTIONS and not (name == "getitem" and isinstance(call.args[1], int))


def _stage_name(model: nn.Module, modules: Sequence[str], first: Sequence[str]) -> str:
    """The first module with weight matrices; without any, what the stage begins with."""
    weighty = (path for path in modules if _has_matrices(model, path))
    return next(weighty, first[0] if first else "pool")


def _check_ownership(model: nn.Module, parts: Sequence[Part]) -> None:
    for name in model.state_dict():
        owners = [part.name for part in parts if part.holds(name)]
        if len(owners) != 1:
            raise UnavailableError(cannot_compose(model, f"{name!r} belongs to {owners or 'none'} of them"))


def _run_in_order(model: nn.Module, parts: Sequence[Part], hidden: Tensor, context: Tensor | None) -> list[Stage]:
    stages = []
    try:
        with torch.no_grad():
            for part in parts:
                hidden = part.step(model, hidden, context)
                stages.append(stage_of_output(part.name, hidden, _layout(model, hidden)))
    except Exception as error:
        raise UnavailableError(cannot_compose(model, f"running them in order fails: {error}")) from error
    return stages


def _layout(model: nn.Module, output: Tensor) -> Layout:
    """The axes of a model's maps by its own word (timm's), or by which of them are the two equal sides."""
    shape = tuple(getattr(output, "shape", ()))
    found: Layout = "NHWC" if len(shape) == 4 and shape[1] == shape[2] != shape[3] else "NCHW"
    return getattr(model, "output_fmt", found)
