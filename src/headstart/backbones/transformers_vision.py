"""Vision models of transformers: building them without their classifier, and cutting them into stages.

The pooled output is what the model's own ``*ForImageClassification`` reads
(:mod:`headstart.backbones.transformers_families`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from headstart.backbones.stages import Part
from headstart.backbones.transformers_architecture import (
    changed_settings,
    configuration,
    read_architecture,
    write_architecture,
)
from headstart.backbones.transformers_families import Family, Pool, Run, family_of, run_plainly

#: Settings that follow from others, or that nothing here reads.
_IDLE = ("stage_names", "out_features", "out_indices", "pooler_output_size", "pooler_act")


def build_transformers(architecture: str, size: int) -> nn.Module:
    """A vision model of transformers that maps ``(N, 3, size, size)`` to its pooled features.

    Its ``forward`` is the library's own; a hook takes the pooled features out of what it returns.

    Args:
        architecture: As :func:`architecture_text` writes it.
        size: Side of the square input, in pixels.
    """
    from transformers import AutoModel

    model_type, settings = read_architecture(architecture)
    sized = {"image_size": size} if family_of(model_type).fixed_size else {}
    config = vision_configuration(model_type, {**settings, **sized})
    return headless(AutoModel.from_config(config), model_type)


def headless(model: nn.Module, model_type: str) -> nn.Module:
    """Leaves a pooler out that the family's classifier does not read, and makes ``forward`` return pooled features."""
    family = family_of(model_type)
    if "pooler" not in family.final:
        model.pooler = None  # type: ignore[assignment]
    model.loss_function = None  # type: ignore[assignment]  # else torch.jit, which looks at everything, makes it warn
    model.register_forward_hook(PooledOutput(family.pooled))
    model.own_parts = tuple(_parts(model, family))  # type: ignore[assignment]
    return model


def vision_configuration(model_type: str, settings: Mapping[str, Any]) -> Any:
    """The library's configuration object; see :func:`headstart.backbones.transformers_architecture.configuration`.

    Raises:
        UnknownNameError: Models of this type are not supported.
    """
    family_of(model_type)
    return configuration(model_type, settings)


def architecture_text(config: Any) -> str:
    """A configuration in one line: its type, and every setting of the network that differs from the library's default.

    The side of the input is left out where :func:`build_transformers` sets it.

    Example:
        >>> architecture_text(vision_configuration("vit", {"hidden_size": 192, "num_attention_heads": 3}))
        'vit(hidden_size=192, num_attention_heads=3)'
    """
    sized = ["image_size"] if family_of(config.model_type).fixed_size else []
    return write_architecture(config.model_type, changed_settings(config, idle=[*_IDLE, *sized]))


@dataclass(frozen=True, slots=True)
class Blocks:
    """The step of a part: submodules of the source model, one after the other, called as their family wants it.

    Attributes:
        paths: Their names, in order.
        run: The family's.
    """

    paths: tuple[str, ...]
    run: Run

    def __call__(self, model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
        """The output of the last of them."""
        for path in self.paths:
            hidden = _first(self.run(model, model.get_submodule(path), hidden))
        return hidden


@dataclass(frozen=True, slots=True)
class Pooling:
    """The step of the last part.

    Attributes:
        pool: The family's.
    """

    pool: Pool

    def __call__(self, model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
        """The pooled features."""
        return self.pool(model, hidden)


@dataclass(frozen=True, slots=True)
class PooledOutput:
    """A forward hook: the pooled features in place of everything that the source model returns.

    Attributes:
        pooled: The family's.
    """

    pooled: Callable[[Any, Any], Tensor]

    def __call__(self, model: nn.Module, inputs: object, output: Any) -> Tensor:
        """What :meth:`torch.nn.Module.__call__` returns instead of ``output``."""
        return self.pooled(model, output)


def _parts(model: nn.Module, family: Family) -> Iterator[Part]:
    """Embeddings, every block with the downsampling before it, and the final norm and pooling."""
    stem = "embeddings" if hasattr(model, "embeddings") else "embedder"
    yield Part(stem, (stem,), Blocks((stem,), run_plainly))
    waiting: tuple[str, ...] = ()
    for path in _leaves(model, "layers" if hasattr(model, "layers") else "encoder"):
        waiting = (*waiting, path)
        if type(model.get_submodule(path)).__name__.endswith("Layer"):
            yield Part(path, waiting, Blocks(waiting, family.run))
            waiting = ()
    yield Part(family.final[0], family.final, Pooling(family.pool))


def _leaves(model: nn.Module, path: str) -> Iterator[str]:
    """The blocks and what stands between them, in the order in which they run."""
    module = model.get_submodule(path)
    opened = isinstance(module, nn.ModuleList | nn.Sequential) or type(module).__name__.endswith(("Encoder", "Stage"))
    if not opened:
        yield path
        return
    for name, _ in module.named_children():
        yield from _leaves(model, f"{path}.{name}")


def _first(output: Any) -> Tensor:
    """Some blocks return attention weights and the like behind their output."""
    found: Tensor = output[0] if isinstance(output, tuple) else output
    return found
