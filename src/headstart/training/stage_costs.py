"""What each stage of a backbone costs on this machine, as far as a plan needs to know."""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from headstart.backbones.stages import StagedBackbone
from headstart.training.timing import BFLOAT16_GAIN

#: So many rounds at least; as many more as these seconds allow.
_LEAST_ROUNDS, _MOST_ROUNDS, _SECONDS = 3, 12, 1.0


@dataclass(frozen=True, slots=True)
class StageCost:
    """One stage.

    Attributes:
        name: Of the stage.
        seconds: One example through it, forward, in the precision that training would choose; the least of several
            rounds.
        output_values: Numbers that it puts out for one example.
    """

    name: str
    seconds: float
    output_values: int


@torch.inference_mode()
def stage_costs(backbone: StagedBackbone, inputs: Tensor, context: Tensor | None = None) -> list[StageCost]:
    """Times every stage on a few examples, all stages in each of several rounds, in float32 and in bfloat16.

    The least counts: whatever else the machine does can only add to it. All stages are those of one precision, the one
    in which a whole pass is clearly quicker, as :func:`headstart.training.timing.choose_way` has it.

    Args:
        backbone: In evaluation mode.
        inputs: What enters the first stage, ``(N, 3, S, S)`` for pictures; N of 8 or so.
        context: Their context.
    """
    exact, outputs = _least(backbone, inputs, context)
    found = exact
    if not inputs.is_cuda or torch.cuda.is_bf16_supported():
        with torch.autocast(inputs.device.type, torch.bfloat16):
            coarse, _ = _least(backbone, inputs, context)
        found = coarse if BFLOAT16_GAIN * sum(coarse) < sum(exact) else exact
    return [
        StageCost(stage.name, seconds / len(inputs), values)
        for stage, seconds, values in zip(backbone.stages, found, outputs, strict=True)
    ]


def _least(backbone: StagedBackbone, inputs: Tensor, context: Tensor | None) -> tuple[list[float], list[int]]:
    """The least seconds of each stage over several rounds, and how many numbers it puts out for one example."""
    begun = time.perf_counter()
    rounds: list[list[float]] = []
    while len(rounds) < _LEAST_ROUNDS or (len(rounds) < _MOST_ROUNDS and time.perf_counter() - begun < _SECONDS):
        seconds, outputs = _round(backbone, inputs, context)
        rounds.append(seconds)
    return [min(times) for times in zip(*rounds, strict=True)], outputs


def _round(backbone: StagedBackbone, hidden: Tensor, context: Tensor | None) -> tuple[list[float], list[int]]:
    """Seconds of each stage, and how many numbers it puts out for one example."""
    seconds, outputs = [], []
    for position in range(len(backbone.stages)):
        begun = time.perf_counter()
        hidden = backbone(hidden, start=position, stop=position + 1, context=context)
        _wait_for(hidden)
        seconds.append(time.perf_counter() - begun)
        outputs.append(hidden[0].numel())
    return seconds, outputs


def _wait_for(tensor: Tensor) -> None:
    """A GPU computes behind the caller's back."""
    if tensor.is_cuda:
        torch.cuda.synchronize(tensor.device)
