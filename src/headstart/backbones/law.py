"""The law of backbones, checked.

For a source model ``m`` without its classifier and its staged form ``b``, in evaluation mode:

    b(x) = m(x)    and    b(b(x, stop=k), start=k) = b(x)  for every boundary k.

The first half is what catches a forgotten or misplaced piece; the second half is true of any plain sequence.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from headstart.backbones.stages import StagedBackbone
from headstart.core.errors import UnavailableError

_TOLERANCE = 1e-5


def check_law(backbone: StagedBackbone, inputs: Tensor, context: Tensor | None = None) -> tuple[bool, ...]:
    """Checks the law on one batch; the backbone's weights and mode are left alone.

    It is checked on a copy whose norms and scales are drawn anew, because in a fresh model many a block adds
    exactly or nearly nothing (batch norms that start at zero, layer scales of 1e-6), and its loss would go
    unseen.

    Args:
        backbone: What to check; its ``model`` is the reference.
        inputs: A batch for it.
        context: The context of these inputs; the source model makes its own.

    Returns:
        For each stage whether the law holds at the cut after it.

    Raises:
        UnavailableError: The stages in order do not give the source model's own pooled output.
    """
    copied = shaken(backbone)
    with torch.inference_mode():
        expected = copied.model(inputs)
        hidden = copied.outputs(inputs, context)
        if not _agree(hidden[-1], expected):
            raise UnavailableError(cannot_compose(backbone.model, "their composition gives another result"))
        # Whatever a part remembers on the side is now another input's.
        copied(inputs.flip(0), context=None if context is None else context.flip(0))
        held = [
            _agree(copied(hidden[cut - 1], start=cut, context=context), expected) for cut in range(len(hidden), 0, -1)
        ]
    return tuple(reversed(held))


def shaken(backbone: StagedBackbone) -> StagedBackbone:
    """A copy in evaluation mode in which every part has a say: norms and scales are drawn from [0.5, 1.5)."""
    copied = copy.deepcopy(backbone).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in copied.model.state_dict(keep_vars=True).values():
            if tensor.ndim == 1 and tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return copied


def _agree(found: Tensor, expected: Tensor) -> bool:
    if found.shape != expected.shape or not bool(torch.isfinite(expected).all()):
        return False
    return bool((found - expected).abs().max() <= _TOLERANCE * expected.abs().max())


def cannot_compose(model: nn.Module, reason: str) -> str:
    """The message for a model whose stages in order are not the model."""
    return (
        f"Expected the stages of {type(model).__name__} to compose to its own pooled output, but {reason}; "
        "headstart cannot cut this architecture, choose another."
    )
