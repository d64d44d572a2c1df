"""OpenVINO on the CPU: the converted backbone, compiled in a precision that the processor really has.

Several requests run beside each other, each on a few items whose activations stay in the processor's cache. Where all
inputs have one shape, it is fixed when the model is compiled, because OpenVINO prepares itself anew for every shape
that it meets; the last items of a batch are filled up with zeros, and what comes of these is thrown away. Where inputs
differ in length, each request is cut to its own longest item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.card import Layout
from headstart.backbones.converted import ConvertedBackbone
from headstart.backbones.preprocess import longest_in
from headstart.core.openvino import openvino, openvino_core
from headstart.features.engines.contract import Form, Precision

#: Items per request: measured best on two cores (of 1 to 32) and the same number of bytes in either precision.
_TOGETHER: dict[Precision, int] = {"f32": 2, "bf16": 4, "f16": 4}
#: Where items differ in length.
_TOGETHER_RAGGED = 8
_PLACES: dict[Layout, tuple[int, ...]] = {"NCHW": (2, 3), "NHWC": (1, 2), "NLC": (1,), "NC": ()}
_PRECISIONS: dict[str, Precision] = {"f32": "f32", "bf16": "bf16", "f16": "f16"}


class OpenVinoEngine:
    """A converted backbone, cut down to the stages that are wanted.

    Args:
        backbone: The converted backbone.
        stages: Names of the stages whose outputs are wanted.
        precision: The precision to ask for.
        form: What is made of these outputs.

    Attributes:
        precision: The precision that the processor gave.
    """

    def __init__(
        self, backbone: ConvertedBackbone, stages: Sequence[str], *, precision: Precision, form: Form = "pooled"
    ) -> None:
        ov, core = openvino(), openvino_core()
        model = _cut(ov, core.read_model(backbone.engine_model), backbone, stages, form)
        self._ragged, self._form = -1 in backbone.card.preprocess.axes, form
        self._together = _TOGETHER_RAGGED if self._ragged else _TOGETHER[precision]
        if not self._ragged:
            model.reshape([self._together, *list(model.input(0).partial_shape)[1:]])
        compiled = core.compile_model(
            model, "CPU", {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "THROUGHPUT"}
        )
        self.precision = _PRECISIONS[compiled.get_property("INFERENCE_PRECISION_HINT").to_string()]
        self._stages = tuple(stages)
        self._queue = ov.AsyncInferQueue(compiled, compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))

    def compute(self, batch: NDArray[Any]) -> Mapping[str, NDArray[np.float32]]:
        """Each requested stage's output for a batch of prepared inputs."""
        results: dict[str, NDArray[np.float32]] = {}
        first = Lock()

        def keep(request: Any, start: int) -> None:
            for place, stage in enumerate(self._stages):
                rows = request.get_output_tensor(place).data
                with first:  # where inputs differ in length, what comes of them tells its shape
                    if stage not in results:
                        results[stage] = np.empty((len(batch), *rows.shape[1:]), dtype=np.float32)
                target = results[stage][start : start + self._together]
                target[:] = rows[: len(target)]

        self._queue.set_callback(keep)
        for start in range(0, len(batch), self._together):
            self._queue.start_async([self._fitted(batch[start : start + self._together])], start)
        self._queue.wait_all()
        return results

    def _fitted(self, items: NDArray[Any]) -> NDArray[Any]:
        """As one request takes them."""
        if self._ragged:
            return items[:, : longest_in(items)] if self._form == "pooled" else items
        missing = self._together - len(items)
        return np.concatenate([items, np.zeros((missing, *items.shape[1:]), items.dtype)]) if missing else items


def _cut(ov: Any, model: Any, backbone: ConvertedBackbone, stages: Sequence[str], form: Form) -> Any:
    """The model with the wanted stages as its only outputs; nothing above them is computed."""
    layouts = {stage.name: stage.layout for stage in backbone.card.stages}
    ragged = -1 in backbone.card.preprocess.axes
    results = []
    for name in stages:
        output = model.output(name).get_node().input_value(0)
        if form == "pooled" and ragged and layouts[name] == "NLC":
            shaped = _mean_of_real(ov, output, model.input(0))
        else:
            shaped = (_pooled if form == "pooled" else _channels_last)(ov, output, layouts[name])
        results.append(ov.opset13.result(shaped))
    return ov.Model(results, model.get_parameters(), form)


def _pooled(ov: Any, output: Any, layout: Layout) -> Any:
    places = _PLACES[layout]
    if not places:
        return output
    return ov.opset13.reduce_mean(output, np.array(places, dtype=np.int64), keep_dims=False).output(0)


def _mean_of_real(ov: Any, output: Any, tokens: Any) -> Any:
    """The mean over places that are not padding; see :meth:`headstart.backbones.stages.StagedBackbone.pooled`."""
    ops, axis = ov.opset13, np.array([1], dtype=np.int64)
    zero = ops.constant(np.array(0, dtype=np.int32))
    real = ops.unsqueeze(ops.convert(ops.greater_equal(tokens, zero), "f32"), np.array([2], dtype=np.int64))
    # Means of both: a sum over a long text may leave the range of half precision.
    mean = ops.reduce_mean(ops.multiply(output, real), axis, keep_dims=False)
    return ops.divide(mean, ops.reduce_mean(real, axis, keep_dims=False)).output(0)


def _channels_last(ov: Any, output: Any, layout: Layout) -> Any:
    if layout != "NCHW":
        return output
    return ov.opset13.transpose(output, np.array((0, 2, 3, 1), dtype=np.int64)).output(0)
