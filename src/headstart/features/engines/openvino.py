"""OpenVINO on the CPU: the converted backbone, compiled in a precision that the processor really has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.card import Layout
from headstart.backbones.converted import ConvertedBackbone
from headstart.core.openvino import openvino
from headstart.features.engines.contract import Precision

_PLACES: dict[Layout, tuple[int, ...]] = {"NCHW": (2, 3), "NHWC": (1, 2), "NLC": (1,), "NC": ()}
_PRECISIONS: dict[str, Precision] = {"f32": "f32", "bf16": "bf16", "f16": "f16"}


class OpenVinoEngine:
    """A converted backbone, cut down to the stages that are wanted and pooled.

    Args:
        backbone: The converted backbone.
        stages: Names of the stages whose pooled features are wanted.
        precision: The precision to ask for; :attr:`precision` tells which one the processor gave.
    """

    def __init__(self, backbone: ConvertedBackbone, stages: Sequence[str], *, precision: Precision) -> None:
        ov = openvino()
        core = ov.Core()
        model = _pooled(ov, core.read_model(backbone.engine_model), backbone, stages)
        self._compiled = core.compile_model(
            model, "CPU", {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY"}
        )
        self._request = self._compiled.create_infer_request()
        self._stages = tuple(stages)
        self.precision = _PRECISIONS[self._compiled.get_property("INFERENCE_PRECISION_HINT").to_string()]

    def compute(self, batch: NDArray[Any]) -> Mapping[str, NDArray[np.float32]]:
        """Pooled features ``(N, dim)`` of each requested stage."""
        outputs = self._request.infer([batch], share_inputs=True)
        return {
            stage: cast(NDArray[np.float32], np.array(outputs[place], dtype=np.float32))
            for place, stage in enumerate(self._stages)
        }


def _pooled(ov: Any, model: Any, backbone: ConvertedBackbone, stages: Sequence[str]) -> Any:
    """The model with the wanted stages as its only outputs, averaged over places; nothing above them is computed."""
    layouts = {stage.name: stage.layout for stage in backbone.card.stages}
    results = []
    for name in stages:
        output = model.output(name).get_node().input_value(0)
        if places := _PLACES[layouts[name]]:
            output = ov.opset13.reduce_mean(output, np.array(places, dtype=np.int64), keep_dims=False).output(0)
        results.append(ov.opset13.result(output))
    return ov.Model(results, model.get_parameters(), "pooled")
