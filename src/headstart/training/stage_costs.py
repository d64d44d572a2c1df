"""What each stage of a backbone costs on this machine, as far as a plan needs to know."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from headstart.backbones.stages import StagedBackbone

_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class StageCost:
    """One stage.

    Attributes:
        name: Of the stage.
        seconds: One example through it, forward, in float32; the least of a few rounds.
        output_values: Numbers that it puts out for one example.
    """

    name: str
    seconds: float
    output_values: int


@torch.inference_mode()
def stage_costs(backbone: StagedBackbone, inputs: Tensor) -> list[StageCost]:
    """Times every stage on a few examples.

    The least of the rounds counts: whatever else the machine does can only add to it.

    Args:
        backbone: In evaluation mode.
        inputs: ``(N, 3, S, S)`` for pictures; N of 8 or so.
    """
    costs = []
    hidden = inputs
    for position, stage in enumerate(backbone.stages):
        entering = hidden
        seconds = []
        for _ in range(_ROUNDS):
            begun = time.perf_counter()
            hidden = backbone(entering, start=position, stop=position + 1)
            _wait_for(hidden)
            seconds.append(time.perf_counter() - begun)
        costs.append(StageCost(stage.name, min(seconds) / len(inputs), hidden[0].numel()))
    return costs


def _wait_for(tensor: Tensor) -> None:
    """A GPU computes behind the caller's back."""
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)
