"""A backbone: a pretrained network as an ordered list of named stages.

The law, which :mod:`headstart.backbones.law` checks: ``backbone(x)`` equals the source model's own pooled
output, and ``backbone(backbone(x, stop=k), start=k) == backbone(x)`` for every boundary ``k``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from headstart.backbones.card import Layout, Stage
from headstart.core.errors import UnknownNameError, UsageError

#: Runs one part: the source model, the hidden state that enters, the context.
Step = Callable[[nn.Module, Tensor, Tensor | None], Tensor]

_PLACES: dict[Layout, tuple[int, ...]] = {"NCHW": (2, 3), "NHWC": (1, 2), "NLC": (1,), "NC": ()}


@dataclass(frozen=True, slots=True)
class Part:
    """The piece of a source model behind one stage.

    A part names what it uses instead of holding it, so that copying, moving or loading the model needs no
    second book-keeping.

    Attributes:
        name: The stage's name.
        owns: Names of the submodules and parameters of the source model that belong to this part.
        step: Runs the part.
    """

    name: str
    owns: tuple[str, ...]
    step: Step

    def holds(self, tensor_name: str) -> bool:
        """Whether a tensor of the source model's state belongs to this part."""
        return any(tensor_name == name or tensor_name.startswith(f"{name}.") for name in self.owns)


class StagedBackbone(nn.Module):
    """A source model without its classifier, run stage by stage.

    Positions count as in a Python slice: ``stop`` is the first stage that does not run, and a stage's name
    means its position. ``stop="layer4.1"`` therefore ends before ``layer4.1``, and ``start="layer4.1"`` goes
    on from there.

    Some models need more than the hidden state: an attention mask, positions, the true sizes of padded
    pictures. This is the ``context``: one tensor ``(N, ...)`` that the entrance rebuilds from the input
    (:mod:`headstart.backbones.preprocess`). It is handed to every part's step, never changed on the way and never
    cached.

    Args:
        model: The source model, its classifier removed. Its state keeps the source's own tensor names.
        parts: What runs, input to output.
        stages: One description per part.
    """

    def __init__(self, model: nn.Module, parts: Sequence[Part], stages: Sequence[Stage]) -> None:
        super().__init__()
        names = [part.name for part in parts], [stage.name for stage in stages]
        if names[0] != names[1]:
            raise UsageError(f"Expected the stages {names[1]}, but the model has the parts {names[0]}.")
        self.model = model
        self.parts = tuple(parts)
        self.stages = tuple(stages)

    def forward(
        self, hidden: Tensor, start: int | str = 0, stop: int | str | None = None, context: Tensor | None = None
    ) -> Tensor:
        """Runs the stages from ``start`` up to, but not including, ``stop``.

        Args:
            hidden: The input, ``(N, 3, S, S)`` for pictures, or the output of the stage before ``start``.
            start: Position or name of the first stage to run.
            stop: Position or name of the first stage not to run; ``None`` runs to the end.
            context: What the model needs beside the hidden state, rebuilt from the input.

        Returns:
            The last stage's output in its own layout; at the end the pooled features, ``(N, D)``.
        """
        end = len(self.parts) if stop is None else self.position(stop)
        for part in self.parts[self.position(start) : end]:
            hidden = part.step(self.model, hidden, context)
        return hidden

    def outputs(self, hidden: Tensor, context: Tensor | None = None) -> list[Tensor]:
        """The output of every stage for one input: what a feature pyramid or an export reads."""
        found = []
        for part in self.parts:
            hidden = part.step(self.model, hidden, context)
            found.append(hidden)
        return found

    def position(self, stage: int | str) -> int:
        """A stage's position; a position is returned as it is.

        Raises:
            UnknownNameError: No stage has this name.
            UsageError: The number is not a position in this backbone.
        """
        if isinstance(stage, int):
            if not 0 <= stage <= len(self.stages):
                raise UsageError(f"Expected a stage position of 0 to {len(self.stages)}, but got {stage}.")
            return stage
        for position, known in enumerate(self.stages):
            if known.name == stage:
                return position
        raise UnknownNameError("stage", stage, [known.name for known in self.stages])

    def feature_dim(self, stage: int | str) -> int:
        """Size ``D`` of a stage's pooled features."""
        return self.stages[self.position(stage)].dim

    def pooled(self, hidden: Tensor, stage: int | str, context: Tensor | None = None) -> Tensor:
        """The mean over all places or tokens of what ``stage`` put out, ``(N, D)``; padding is left out of it.

        A token is padding where the context of the same length is negative.
        """
        layout = self.stages[self.position(stage)].layout
        if layout == "NLC" and context is not None and context.shape[:2] == hidden.shape[:2]:
            real = (context >= 0).unsqueeze(2)
            # A sum over a long text may leave the range of half precision.
            return (hidden * real).sum(dim=1, dtype=torch.float32) / real.sum(dim=1)
        places = _PLACES[layout]
        return hidden.mean(dim=places) if places else hidden

    def stage_state(self, stage: int | str) -> dict[str, Tensor]:
        """Parameters and buffers of one stage under the source model's names; the stages share none."""
        part = self.parts[self.position(stage)]
        state: dict[str, Tensor] = self.model.state_dict(keep_vars=True)
        return {name: tensor for name, tensor in state.items() if part.holds(name)}


def stage_of_output(name: str, output: Tensor, layout: Layout) -> Stage:
    """Describes a stage by an output it gave for a square picture.

    Args:
        name: The stage's name.
        output: ``(N, D)``, ``(N, L, D)`` or, as ``layout`` says, ``(N, D, H, W)`` or ``(N, H, W, D)``.
        layout: The axes of the model's four-dimensional outputs.

    Raises:
        UsageError: The output has none of these shapes.
    """
    by_rank: dict[int, Layout] = {2: "NC", 3: "NLC", 4: layout}
    found = by_rank.get(output.ndim) if isinstance(output, Tensor) else None
    shape = tuple(getattr(output, "shape", ()))
    if found is None or (found in ("NCHW", "NHWC") and len({shape[axis] for axis in _PLACES[found]}) != 1):
        raise UsageError(f"Expected stage {name!r} to put out (N, D), (N, L, D) or {layout}, but got shape {shape}.")
    return Stage(name, shape[1 if found == "NCHW" else -1], found)
