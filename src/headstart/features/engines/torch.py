"""PyTorch itself: on a GPU in bf16, and on the CPU the yardstick that the other engines are tried against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headstart.backbones.card import Stage
from headstart.backbones.converted import ConvertedBackbone
from headstart.features.engines.contract import Form, Precision

_DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


class TorchEngine:
    """The backbone's own modules in evaluation mode, channels last.

    Args:
        backbone: The converted backbone.
        stages: Names of the stages whose outputs are wanted.
        precision: The precision to compute in; below f32 through autocast.
        device: ``"cpu"`` or ``"cuda"``.
        form: What is made of these outputs.
    """

    def __init__(
        self,
        backbone: ConvertedBackbone,
        stages: Sequence[str],
        *,
        precision: Precision,
        device: str = "cpu",
        form: Form = "pooled",
    ) -> None:
        self.precision = precision
        self._device, self._form = device, form
        self._stages = frozenset(stages)
        names = [stage.name for stage in backbone.card.stages]
        self._needed = backbone.card.stages[: 1 + max(map(names.index, stages))]
        self._module = backbone.load().eval().to(device).to(memory_format=torch.channels_last)
        self._entrance = backbone.card.preprocess.entrance().to(device)

    @torch.inference_mode()
    def compute(self, batch: NDArray[Any]) -> Mapping[str, NDArray[np.float32]]:
        """Each requested stage's output for a batch of prepared inputs."""
        hidden, context = self._entrance(torch.from_numpy(batch).to(self._device))
        results: dict[str, NDArray[np.float32]] = {}
        lowered = self.precision != "f32"
        with torch.autocast(self._device, _DTYPES[self.precision], enabled=lowered):
            for place, stage in enumerate(self._needed):
                hidden = self._module(hidden, start=place, stop=place + 1, context=context)
                if stage.name in self._stages:
                    results[stage.name] = self._shaped(hidden, stage, context).float().cpu().contiguous().numpy()
        return results

    def _shaped(self, hidden: Tensor, stage: Stage, context: Tensor | None) -> Tensor:
        if self._form == "pooled":
            return self._module.pooled(hidden, stage.name, context)
        return hidden.permute(0, 2, 3, 1) if stage.layout == "NCHW" else hidden
