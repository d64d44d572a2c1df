"""From a phase's learning rates to an optimizer and its schedule."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from torch import Tensor, optim
from torch.optim.lr_scheduler import LambdaLR

from headstart.training.network import Network
from headstart.training.phase import OptimizerName, Phase

_START, _END = 1 / 25, 1e-4


def build_optimizer(network: Network, phase: Phase) -> optim.Optimizer:
    """An optimizer over exactly the parameters that may move: those above the boundary, each at its stage's rate."""
    rates, decay = phase.learning_rates, phase.regulariser.weight_decay
    groups = _groups(network.head.parameters(), rates.head, decay)
    for stage in network.trained_stages:
        moving = network.backbone.stage_state(stage).values()
        groups += _groups(moving, rates.of_stage(stage, len(network.backbone.stages)), decay)
    return _optimizer(phase.optimizer, groups)


def one_cycle(step: int, steps: int, warm_up: float) -> float:
    r"""The share of the peak learning rate at a step.

    It rises from 1/25 to 1 over the first ``warm_up`` of the steps and falls to 1/10,000 over the others, each along
    half a cosine (Smith & Topin, "Super-Convergence", 2018; momentum stays as it is).

    Args:
        step: From 0.
        steps: Number of steps in all.
        warm_up: Share of the steps in which the rate rises, in (0, 1).

    Returns:
        A factor in (0, 1].

    Example:
        >>> [round(one_cycle(step, 11, 0.2), 4) for step in (0, 2, 10)]
        [0.04, 1.0, 0.0001]
    """
    peak = warm_up * (steps - 1)
    if step < peak:
        return _cosine(_START, 1.0, step / peak)
    return _cosine(1.0, _END, (step - peak) / max(steps - 1 - peak, 1e-9))


def build_schedule(optimizer: optim.Optimizer, *, steps: int, warm_up: float) -> LambdaLR:
    """The one-cycle schedule over ``steps`` optimizer steps; see :func:`one_cycle`."""
    return LambdaLR(optimizer, lambda step: one_cycle(min(step, steps - 1), steps, warm_up))


def _cosine(begin: float, end: float, share: float) -> float:
    return end + (begin - end) * (1 + math.cos(math.pi * share)) / 2


def _groups(tensors: Iterable[Tensor], rate: float, weight_decay: float) -> list[dict[str, Any]]:
    moving = [tensor for tensor in tensors if tensor.requires_grad]
    kernels = [tensor for tensor in moving if tensor.ndim > 1]
    others = [tensor for tensor in moving if tensor.ndim <= 1]
    groups = [(kernels, weight_decay), (others, 0.0)]
    return [{"params": params, "lr": rate, "weight_decay": decay} for params, decay in groups if params]


def _optimizer(name: OptimizerName, groups: Iterable[dict[str, Any]]) -> optim.Optimizer:
    if name == "sgd":
        return optim.SGD(groups, momentum=0.9, nesterov=True)
    return optim.AdamW(groups, fused=True)
