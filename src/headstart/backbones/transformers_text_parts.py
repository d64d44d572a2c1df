"""The parts of a text model of transformers, and the hooks by which its own ``forward`` takes and gives the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from headstart.backbones.stages import Part
from headstart.backbones.text_pooling import TextPooling
from headstart.backbones.text_tokens import Tokens
from headstart.backbones.transformers_text_families import Embed, Run, TextFamily, second_text
from headstart.core.errors import UsageError


def cut(model: Any, family: TextFamily, pooling: TextPooling) -> nn.Module:
    """Makes a bare model take packed tokens and return pooled features, and tells it its parts."""
    padding = max(model.config.pad_token_id or 0, 0)
    model.auxiliary = ("pooler", "embeddings.position_ids")  # what a file of weights may hold beside it
    model.loss_function = None  # else torch.jit, which looks at everything, makes it warn
    model.register_forward_pre_hook(UnpackedInput(family.typed, padding), with_kwargs=True)
    model.register_forward_hook(PooledOutput(pooling), with_kwargs=True)
    model.own_parts = tuple(text_parts(model, family, pooling, padding))
    found: nn.Module = model
    return found


@dataclass(frozen=True, slots=True)
class UnpackedInput:
    """A forward pre-hook: what the library's ``forward`` takes, in place of one tensor of packed tokens.

    Attributes:
        typed: Whether it is told which text of a pair a token belongs to.
        padding: The token at padded places.
    """

    typed: bool
    padding: int

    def __call__(
        self, model: nn.Module, given: tuple[Tensor, ...], named: Mapping[str, Any]
    ) -> tuple[tuple[()], dict[str, Tensor]]:
        """No positional arguments, and the library's own by name."""
        tokens = Tokens.unpack(given[0], padding=self.padding)
        types = {"token_type_ids": second_text(model.config, tokens)} if self.typed else {}
        return (), {"input_ids": tokens.ids, "attention_mask": tokens.real.long(), **types}


@dataclass(frozen=True, slots=True)
class PooledOutput:
    """A forward hook: the pooled features in place of everything that the source model returns.

    Attributes:
        pooling: How.
    """

    pooling: TextPooling

    def __call__(self, model: nn.Module, given: object, named: Mapping[str, Tensor], output: Any) -> Tensor:
        """What :meth:`torch.nn.Module.__call__` returns instead of ``output``."""
        return self.pooling(output.last_hidden_state, named["attention_mask"].bool())


@dataclass(frozen=True, slots=True)
class BlockPart(Part):
    """A block, inside of which something may lie that the embeddings own.

    Attributes:
        lent: Names of what lies in it and belongs to another part.
    """

    lent: tuple[str, ...] = ()

    def holds(self, tensor_name: str) -> bool:
        """Whether a tensor of the source model's state belongs to this part."""
        elsewhere = any(tensor_name == name or tensor_name.startswith(f"{name}.") for name in self.lent)
        return not elsewhere and Part.holds(self, tensor_name)


@dataclass(frozen=True, slots=True)
class Embedding:
    """The step of the first part.

    Attributes:
        embed: The family's.
        padding: The token at padded places.
    """

    embed: Embed
    padding: int

    def __call__(self, model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
        """The embedded tokens, ``(N, L, D)``."""
        return self.embed(model, Tokens.unpack(hidden, padding=self.padding))


@dataclass(frozen=True, slots=True)
class Block:
    """The step of a block.

    Attributes:
        run: The family's.
        place: Which block.
        padding: The token at padded places.
    """

    run: Run
    place: int
    padding: int

    def __call__(self, model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
        """Its output, ``(N, L, D)``; mask, positions and biases are rebuilt from the context."""
        output = self.run(model, self.place, hidden, _tokens(context, self.padding))
        found: Tensor = output[0] if isinstance(output, tuple) else output
        return found


@dataclass(frozen=True, slots=True)
class Norm:
    """The step of the norm behind the last block.

    Attributes:
        path: Its name.
    """

    path: str

    def __call__(self, model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
        """The library's ``last_hidden_state``, ``(N, L, D)``."""
        found: Tensor = model.get_submodule(self.path)(hidden)
        return found


@dataclass(frozen=True, slots=True)
class Pool:
    """The step of the last part.

    Attributes:
        pooling: How.
    """

    pooling: TextPooling

    def __call__(self, model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
        """The pooled features, ``(N, D)``."""
        return self.pooling(hidden, _tokens(context, 0).real)


def _tokens(context: Tensor | None, padding: int) -> Tokens:
    if context is None:
        raise UsageError("Expected the tokens as the context of a text backbone, but got none.")
    return Tokens.unpack(context, padding=padding)


def text_parts(model: nn.Module, family: TextFamily, pooling: TextPooling, padding: int) -> Iterator[Part]:
    """Embeddings, every block, where there is one the norm behind the last block, and the pooling."""
    yield Part("embeddings", family.embeddings, Embedding(family.embed, padding))
    for place in range(len(list(model.get_submodule(family.blocks).children()))):
        name = f"{family.blocks}.{place}"
        owns = (name, *(family.besides if place == 0 else ()))
        yield BlockPart(name, owns, Block(family.run, place, padding), lent=family.embeddings)
    if family.norm is not None:
        yield Part(family.norm, (family.norm,), Norm(family.norm))
    yield Part("pool", (), Pool(pooling))
