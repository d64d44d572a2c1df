"""Models of keras.applications as modules of torch: built by Keras, translated, and cut where one value is alive.

Keras builds the network without its classifier and with average pooling, runs once on the torch backend, and is not
needed afterwards: what remains is a :class:`torch.fx.GraphModule` of the same graph, whose modules carry the names of
Keras' layers (:mod:`headstart.backbones.keras_layers`).

Models whose preprocessing Keras calls "caffe" were trained on blue, green, red. Here every model takes red, green,
blue: the first convolution's input channels are put into that order.
"""

from __future__ import annotations

import os
import random
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from headstart.backbones.graph_parts import Segment, traced_segments
from headstart.backbones.keras_layers import activation_of, module_of
from headstart.backbones.stages import Part
from headstart.core.errors import UnavailableError, UnknownNameError
from headstart.core.home import cache_home

#: Finds the file of weights by the name, address and md5 that Keras asks for.
Getter = Callable[[str, str, str], Path]

#: What two values become one by, layers and plain operators alike.
_MERGES: dict[str, Callable[..., Any]] = {"Add": torch.add, "Multiply": torch.mul}

#: What a layer's name begins with, up to the block that it belongs to.
_BLOCK = re.compile(
    r".*block_?\d+[a-z]*"  # ResNet, VGG, DenseNet, EfficientNet, ConvNeXt, MobileNetV2, Xception
    r"|expanded_conv(?:_\d+)?(?=_[a-z])"  # MobileNetV2 and V3
    r"|conv_(?:dw|pw)(?=_\d)"  # MobileNet; the number follows
)


def build_keras(architecture: str, size: int) -> nn.Module:
    """An application of Keras with random weights, from ``(N, 3, size, size)`` to pooled features ``(N, D)``.

    Args:
        architecture: Its name in ``keras.applications``.
        size: Side of the square input, in pixels.

    Raises:
        UnknownNameError: It is not supported.
        UnavailableError: Keras is not installed, or runs on another backend already.
    """
    return translated(architecture, size, None)


def translated(architecture: str, size: int, getter: Getter | None) -> nn.Module:
    """The same with the weights that ``getter`` finds; ``None`` leaves them random, drawn from torch's own seed."""
    from headstart.backbones.sources.keras_applications import APPLICATIONS

    if architecture not in APPLICATIONS:
        raise UnknownNameError("application of Keras", architecture, APPLICATIONS)
    model = _graph_module(_application(architecture, size, getter), architecture)
    if APPLICATIONS[architecture].swapped:
        _swap_red_and_blue(model)
    model.own_parts = tuple(_parts(model))  # type: ignore[assignment]
    return model


def _application(architecture: str, size: int, getter: Getter | None) -> Any:
    """Keras' own model; always the architecture that goes with the ImageNet weights, which differs for some."""
    keras = _keras()
    from keras.src.models.model import Model
    from keras.src.utils import file_utils

    def get_file(fname: str, origin: str, file_hash: str = "", **_: Any) -> str:
        return str(getter(fname, origin, file_hash)) if getter else fname

    load_weights = Model.load_weights if getter else lambda *_, **__: None
    with (
        _seeded(keras),
        _replaced(file_utils, "get_file", get_file),
        _replaced(Model, "load_weights", load_weights),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", UserWarning)  # that the weights were trained at another size is known here
        build = getattr(keras.applications, architecture)
        return build(weights="imagenet", include_top=False, pooling="avg", input_shape=(size, size, 3))


def _keras() -> Any:
    """Keras on the torch backend, keeping its settings in headstart's cache.

    Raises:
        UnavailableError: It is not installed, or was imported before with other settings.
    """
    if "keras" not in sys.modules:
        before = {name: os.environ.get(name) for name in ("KERAS_BACKEND", "KERAS_HOME")}
        os.environ.update(KERAS_BACKEND="torch", KERAS_HOME=str(cache_home() / "keras"))
        try:
            import keras
        except ImportError as error:
            raise UnavailableError.missing_extra("keras:", module="keras", extra="keras") from error
        finally:
            for name, value in before.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
    keras = sys.modules["keras"]
    found = keras.config.backend(), keras.config.image_data_format()
    if found != ("torch", "channels_last"):
        raise UnavailableError(
            f"Expected Keras with the backend torch and channels_last, but it was imported with {' and '.join(found)}; "
            "set KERAS_BACKEND=torch, or use headstart in a process of its own."
        )
    return keras


@contextmanager
def _seeded(keras: Any) -> Iterator[None]:
    """Keras draws weights from Python's and NumPy's global chance; both are left as they were."""
    states = random.getstate(), np.random.get_state()
    keras.utils.set_random_seed(torch.initial_seed() % 2**32)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


@contextmanager
def _replaced(target: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(target, name)
    setattr(target, name, value)
    try:
        yield
    finally:
        setattr(target, name, before)


def _graph_module(model: Any, architecture: str) -> fx.GraphModule:
    """The graph of a functional Keras model, layer by layer."""
    from keras import tree

    graph, modules = fx.Graph(), dict[str, nn.Module]()
    values = {id(model.inputs[0]): graph.placeholder("pictures")}
    nodes = [node for depth in sorted(model._nodes_by_depth, reverse=True) for node in model._nodes_by_depth[depth]]
    names = _names([node.operation for node in nodes])
    for node in nodes:
        if node.is_input:
            continue
        inputs = [values.get(id(given), given) for given in tree.flatten(node.arguments.args)]
        values[id(node.outputs[0])] = _call(graph, modules, node.operation, names[id(node.operation)], inputs)
    graph.output(values[id(model.outputs[0])])
    return fx.GraphModule(modules, graph, class_name=architecture).eval()


def _call(graph: fx.Graph, modules: dict[str, nn.Module], layer: Any, name: str, inputs: list[Any]) -> fx.Node:
    kind = type(layer).__name__
    if kind == "CustomScaleLayer":  # of Inception-ResNet: a residual that is made smaller
        return graph.call_function(torch.add, tuple(inputs), {"alpha": layer.scale})
    if kind == "Concatenate":
        return graph.call_function(torch.cat, (inputs, 1))
    if kind in _MERGES:
        merged: fx.Node = reduce(lambda left, right: graph.call_function(_MERGES[kind], (left, right)), inputs)
        return merged
    activation = activation_of(layer)
    if kind == "Activation" and activation:
        return graph.call_function(activation, tuple(inputs))
    modules[name] = module_of(layer)
    result = graph.call_module(name, tuple(inputs))
    return graph.call_function(activation, (result,)) if activation else result


def _names(layers: list[Any]) -> dict[int, str]:
    """Keras' names; where it counts layers over the whole process, counted within the model instead."""
    counts: Counter[str] = Counter()
    names = {}
    for layer in layers:
        name = layer.name.replace(".", "_")
        stem = re.sub(r"_\d+$", "", name)
        if stem.replace("_", "") == type(layer).__name__.lower():
            name = f"{stem}_{counts[stem]}"
            counts[stem] += 1
        names[id(layer)] = name
    return names


def _swap_red_and_blue(model: nn.Module) -> None:
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    with torch.no_grad():
        first.weight.copy_(first.weight[:, [2, 1, 0]])


def _parts(model: fx.GraphModule) -> Iterator[Part]:
    """One part per block, or per layer with weights outside of blocks; the pooling is the last one."""
    segments = traced_segments(model, {name for name, _ in model.named_children()})
    if segments is None:
        raise UnavailableError(f"Expected {type(model).__name__} to be a graph that torch can trace, but it is not.")
    groups: list[list[Segment]] = []
    for segment in segments:
        if groups and _joined(model, groups[-1], segment):
            groups[-1].append(segment)
        else:
            groups.append([segment])
    for group in groups:
        whole = reduce(Segment.then, group)
        first = next((path for path in whole.modules if _has_matrices(model, path)), whole.modules[0])
        yield Part(_block(first) or first, whole.owns, whole)


def _joined(model: nn.Module, group: list[Segment], segment: Segment) -> bool:
    """Whether a segment goes on with the part before it: the same block, nothing to learn, or behind the pooling.

    Padding goes with what follows it, so that no part puts zeros around its output.
    """
    before = [path for each in group for path in each.modules]
    if any(map(_pools, segment.modules)):
        return False
    started = [path for path in before if _has_matrices(model, path)]
    weighty = [path for path in segment.modules if _has_matrices(model, path)]
    if not started:
        return True
    if weighty or _only_pads(model, segment):
        return "" != _block(started[-1]) == _block((weighty or segment.modules)[0])
    return True


def _block(path: str) -> str:
    """The block that a layer belongs to by its name; empty outside of blocks.

    Example:
        >>> _block("conv2_block1_0_conv"), _block("conv_pw_3"), _block("stem_conv")
        ('conv2_block1', 'conv_3', '')
    """
    found = _BLOCK.match(path)
    if found and found[0] in ("conv_dw", "conv_pw"):
        return f"conv_{path.split('_')[2]}"
    return found[0] if found else ""


def _has_matrices(model: nn.Module, path: str) -> bool:
    return any(parameter.ndim > 1 for parameter in model.get_submodule(path).parameters())


def _only_pads(model: nn.Module, segment: Segment) -> bool:
    return bool(segment.modules) and all(
        isinstance(model.get_submodule(path), nn.ZeroPad2d) for path in segment.modules
    )


def _pools(path: str) -> bool:
    """Whether this is the pooling at the end: what pools inside of blocks has a block's name."""
    return path.startswith(("avg_pool", "global_average_pooling2d"))
