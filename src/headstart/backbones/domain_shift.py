r"""How far data lie from what a backbone was trained on, by the batch-norm statistics that came with its weights.

Every batch norm keeps the mean :math:`\mu_c` and variance :math:`\sigma_c^2` that its input channel c had over the
pretraining data. The same means :math:`\hat\mu_c` over other data differ the more, the less these look like it:

.. math:: d = \sqrt{\frac{1}{L} \sum_l \frac{1}{C_l} \sum_c \frac{(\hat\mu_{lc} - \mu_{lc})^2}{\sigma_{lc}^2}}

So d is by how many standard deviations the activations of a layer are off, on average over channels and layers. It
needs no label and no data of the pretraining. Li et al., "Revisiting Batch Normalization For Practical Domain
Adaptation", 2016, found that these statistics carry the domain; Schneider et al., "Improving robustness against common
corruptions by covariate shift adaptation", NeurIPS 2020, that their distance predicts how much a model loses. They
take the Wasserstein distance, which counts the variances too; here the means alone order ten data sets as they should
be (docs/suitability.md).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from headstart.backbones.conversion import EngineGraph
from headstart.backbones.preprocess import Preprocess, as_batch
from headstart.backbones.stages import StagedBackbone

_BATCH = 16


def batch_norm_shift(backbone: StagedBackbone, preprocess: Preprocess, inputs: Sequence[NDArray[Any]]) -> float | None:
    """By how many standard deviations the inputs of the batch norms are off, on average.

    Args:
        backbone: In evaluation mode, with pretrained weights.
        preprocess: How its inputs are scaled.
        inputs: Prepared inputs; some sixty tell as much as two hundred.

    Returns:
        The distance, 0 or more; ``None`` where no batch norm keeps statistics.
    """
    means = {layer: _RunningMean() for layer in backbone.modules() if _keeps_statistics(layer)}
    if not means:
        return None
    hooks = [layer.register_forward_pre_hook(_added_to(mean)) for layer, mean in means.items()]
    try:
        graph = EngineGraph(backbone, preprocess).eval()
        with torch.inference_mode():
            for start in range(0, len(inputs), _BATCH):
                graph(torch.from_numpy(as_batch(inputs[start : start + _BATCH])))
    finally:
        for hook in hooks:
            hook.remove()
    return math.sqrt(float(np.mean([_squared_shift(layer, mean) for layer, mean in means.items() if mean.count])))


class _RunningMean:
    """The mean of each channel over all places of all batches."""

    def __init__(self) -> None:
        self.count, self.total = 0, torch.zeros(())

    def add(self, values: Tensor) -> None:
        """Adds activations ``(N, C, ...)``."""
        self.count += values.numel() // values.shape[1]
        self.total = self.total + values.double().sum(dim=[axis for axis in range(values.ndim) if axis != 1])


def _keeps_statistics(layer: nn.Module) -> bool:
    return isinstance(layer, _BatchNorm) and layer.running_mean is not None


def _added_to(mean: _RunningMean) -> Any:
    def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        mean.add(inputs[0])

    return hook


def _squared_shift(layer: Any, mean: _RunningMean) -> float:
    shift = mean.total / mean.count - layer.running_mean.double()
    return float((shift**2 / (layer.running_var.double() + layer.eps)).mean())
