"""What is frozen does not move, and that is proved.

Below the boundary no parameter gets a gradient and batch norm computes with its stored statistics without updating
them. A hash over every parameter and buffer there, taken before and after, shows that not one bit differs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from headstart.backbones.stages import StagedBackbone
from headstart.core.errors import UsageError
from headstart.training.phase import BatchNormPolicy, Boundary


@dataclass(frozen=True, slots=True)
class FrozenProof:
    """That the stages below a boundary are what they were.

    Attributes:
        stages: Names of the frozen stages.
        sha256: Over their parameters and buffers; the same before and after.
    """

    stages: tuple[str, ...]
    sha256: str

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FrozenProof:
        """From its attributes as JSON values."""
        return cls(tuple(values["stages"]), values["sha256"])


def boundary_position(backbone: StagedBackbone, boundary: Boundary) -> int:
    """The position of the lowest stage that trains, which is the number of frozen stages.

    Raises:
        UnknownNameError: No stage has this name.
        UsageError: There is no such position, or the backbone cannot be cut there.
    """
    ends: dict[Boundary, int] = {"bottom": 0, "top": len(backbone.stages)}
    position = backbone.position(ends.get(boundary, boundary))
    if position and not backbone.stages[position - 1].boundary:
        possible = [
            stage.name for below, stage in zip(backbone.stages, backbone.stages[1:], strict=False) if below.boundary
        ]
        raise UsageError(
            f"Expected a boundary where this backbone can be cut, but got {boundary!r}; "
            f"choose one of {', '.join(['bottom', *possible, 'top'])}."
        )
    return position


def free_above(backbone: StagedBackbone, boundary: int) -> None:
    """Only the parameters above the boundary ask for gradients."""
    backbone.requires_grad_(False)
    for position in range(boundary, len(backbone.stages)):
        for tensor in backbone.stage_state(position).values():
            if isinstance(tensor, torch.nn.Parameter):
                tensor.requires_grad_(True)


def train_above(backbone: StagedBackbone, boundary: int, *, batch_norm: BatchNormPolicy) -> None:
    """Training mode for the modules above the boundary, evaluation mode for all others.

    Args:
        backbone: Its modules are set.
        boundary: Position of the lowest stage that trains.
        batch_norm: ``"frozen"`` leaves batch norm above the boundary at rest as well.
    """
    backbone.eval()
    trained = backbone.parts[boundary:]
    for name, module in backbone.model.named_modules():
        resting = batch_norm == "frozen" and isinstance(module, _BatchNorm)
        if not resting and any(part.holds(name) for part in trained):
            module.training = True


def frozen_state(backbone: StagedBackbone, boundary: int) -> dict[str, Tensor]:
    """All parameters and buffers below the boundary, by name."""
    return {name: tensor for position in range(boundary) for name, tensor in backbone.stage_state(position).items()}


def state_hash(state: dict[str, Tensor]) -> str:
    """SHA-256 over names, dtypes, shapes and bits, in hexadecimal."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def frozen_proof(backbone: StagedBackbone, boundary: int) -> FrozenProof:
    """What the stages below the boundary are now."""
    names = tuple(stage.name for stage in backbone.stages[:boundary])
    return FrozenProof(names, state_hash(frozen_state(backbone, boundary)))


@contextmanager
def proved_frozen(backbone: StagedBackbone, boundary: int) -> Iterator[FrozenProof]:
    """Shows that a block of code leaves the stages below the boundary as they are.

    Yields:
        The proof, which holds once the block has ended without an error.

    Raises:
        RuntimeError: A parameter or buffer changed inside the block.
    """
    proof = frozen_proof(backbone, boundary)
    yield proof
    if frozen_proof(backbone, boundary) != proof:
        raise RuntimeError(
            f"Expected the stages {', '.join(proof.stages)} to stay as they were, because they lie below the boundary, "
            "but their parameters or buffers changed during training; an overridden step must have done this."
        )
