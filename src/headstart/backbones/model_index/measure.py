"""What there is to know of an architecture without its weights: built on torch's meta device, where nothing is stored.

A network of a billion parameters takes no memory there, and running it gives shapes and no numbers. So it is known
that the stages fit each other, but not that they compose to the source model's own output: that law is checked when a
backbone is opened (:mod:`headstart.backbones.law`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from unittest.mock import patch

from headstart.backbones.model_index.row import write_stages
from headstart.core.errors import HeadstartError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from headstart.backbones.card import Stage
    from headstart.backbones.preprocess import Preprocess

Result = TypeVar("Result")

_REASON_LENGTH = 240


@dataclass(frozen=True, slots=True)
class Measured:
    """Size and shape of an architecture.

    Attributes:
        parameters: Without the classifier.
        flops: Of one forward pass of one input of full size; ``None`` where they could not be counted.
        cut: The stages as one line; empty where it cannot be cut.
        uncut: Why it cannot be cut; empty where it can.
    """

    parameters: int
    flops: int | None
    cut: str
    uncut: str = ""


def measure(library: str, architecture: str, preprocess: Preprocess) -> Measured:
    """Builds an architecture without storage and runs one input through it.

    Args:
        library: The library that builds it; see :mod:`headstart.backbones.architectures`.
        architecture: Its name there.
        preprocess: How its inputs are prepared.

    Returns:
        What was found; what fails is said in ``uncut`` and never raised, so that one architecture does not end the
        indexing of a thousand.
    """
    try:
        model = _build(library, architecture, preprocess.size)
    except Exception as error:
        return Measured(0, None, "", _reason("it cannot be built", error))
    parameters = sum(parameter.numel() for parameter in model.parameters())
    hidden, context = _entering(preprocess)
    try:
        stages, flops = count_flops(lambda: _stages(model, hidden, context))
        return Measured(parameters, flops, write_stages(stages))
    except Exception as error:
        uncut = _reason("its stages do not compose", error)
    try:
        return Measured(parameters, count_flops(lambda: model(hidden))[1], "", uncut)
    except Exception as error:
        return Measured(parameters, None, "", _reason("it takes no input of this size", error))


def _build(library: str, architecture: str, size: int) -> nn.Module:
    """Without storage; an architecture that computes its widths with tensors gives each weight up once it is made."""
    import torch

    from headstart.backbones.architectures import build

    try:
        with torch.device("meta"):
            return build(library, architecture, size)
    except (RuntimeError, NotImplementedError):
        with _weights_given_up():
            return build(library, architecture, size).to("meta")


@contextmanager
def _weights_given_up() -> Iterator[None]:
    """Inside, no module keeps more than the shape of its parameters."""
    from torch import nn

    register = nn.Module.register_parameter

    def register_shape(self: nn.Module, name: str, param: nn.Parameter | None) -> None:
        register(self, name, None if param is None else nn.Parameter(param.to("meta"), param.requires_grad))

    with patch.object(nn.Module, "register_parameter", register_shape):
        yield


def count_flops(compute: Callable[[], Result]) -> tuple[Result, int]:
    """What ``compute`` returns, and the floating-point operations of its matrix products and convolutions.

    They are counted by torch's own formulas, two for each multiplication with addition.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import flop_registry

    total = 0

    class Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal total
            result = func(*args, **(kwargs or {}))
            if formula := flop_registry.get(func._overloadpacket):
                total += formula(*args, **(kwargs or {}), out_val=result)
            return result

    with torch.no_grad(), _norms_passed_over(), Counter():  # type: ignore[no-untyped-call]
        result = compute()
    return result, total


@contextmanager
def _norms_passed_over() -> Iterator[None]:
    """Inside, a norm is its input: it has the same shape and counts no operation, and takes most of the time here."""
    from torch.nn import functional

    with ExitStack() as stack:
        for name in ("batch_norm", "layer_norm", "group_norm"):
            stack.enter_context(patch.object(functional, name, lambda hidden, *args, **kwargs: hidden))
        yield


def _entering(preprocess: Preprocess) -> tuple[Tensor, Tensor | None]:
    """What enters the first stage for one input, as long as inputs may be, and its context."""
    import torch

    axes = [preprocess.size if axis == -1 else axis for axis in preprocess.axes]
    batch = torch.zeros(1, *axes, dtype=torch.from_numpy(preprocess.random_inputs(1)).dtype)
    hidden, context = preprocess.entrance()(batch)
    return hidden.to("meta"), None if context is None else context.to("meta")


def _stages(model: nn.Module, hidden: Tensor, context: Tensor | None) -> list[Stage]:
    """What the model is cut into: parts that own each weight once and end in pooled features."""
    from headstart.backbones.splitting import describe

    _, stages = describe(model, hidden, context)
    if stages[-1].layout != "NC":
        raise ValueError(f"the last of them is of layout {stages[-1].layout} and not pooled")
    return stages


def _reason(what: str, error: Exception) -> str:
    """What failed, on one line of bounded length."""
    said = (" ".join(str(error).split()) or type(error).__name__).removesuffix(", choose another.")
    named = said if isinstance(error, HeadstartError) else f"{what}: {said}"
    return named if len(named) <= _REASON_LENGTH else f"{named[: _REASON_LENGTH - 1]}…"
