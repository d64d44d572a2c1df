"""The output layer of a language model: from a token's hidden state to the tokens of the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from headstart.backbones.stages import StagedBackbone
from headstart.core.errors import UsageError

#: The target of a place where nothing is asked.
IGNORED = -100


class LanguageHead(nn.Module):
    r"""Logits over the vocabulary, as a rule by the token embeddings themselves (Press & Wolf 2017, "tied").

    .. math:: z = E \, T(h) + b \qquad T(h) = \mathrm{LayerNorm}(\mathrm{GELU}(W h + c))

    A masked model has the transformation :math:`T`, a decoder has none; the bias is there where the source has one.

    A tied matrix :math:`E` belongs to the backbone's first stage and trains, rests and is saved with that; the head
    only looks at it.

    Args:
        backbone: Whose token embeddings the output is tied to.
        transform: The transformation; ``None`` for none.
        bias: ``(V,)``, or ``None``.
        output: An output matrix ``(V, D)`` of its own; ``None`` where it is tied.
    """

    def __init__(
        self,
        backbone: StagedBackbone,
        *,
        transform: nn.Module | None = None,
        bias: Tensor | None = None,
        output: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.transform = transform
        self.bias = None if bias is None else nn.Parameter(bias)
        self.output = None if output is None else nn.Parameter(output)
        self._embedding = (embedding_of(backbone),)  # in a tuple, so that it is no parameter of the head

    @classmethod
    def new(cls, backbone: StagedBackbone, *, transformed: bool) -> LanguageHead:
        """A head that nobody trained, tied to the embeddings; ``transformed`` as masked models have it."""
        vocabulary, size = embedding_of(backbone).shape
        if not transformed:
            return cls(backbone)
        hidden = backbone.feature_dim(len(backbone.stages) - 1)
        return cls(backbone, transform=_transform(hidden, size), bias=torch.zeros(vocabulary))

    @classmethod
    def from_arrays(cls, backbone: StagedBackbone, arrays: Mapping[str, NDArray[Any]]) -> LanguageHead:
        """The head that a source model or a run was saved with, from its state.

        Raises:
            UsageError: It does not fit the backbone.
        """
        tensors = {name: torch.from_numpy(values.copy()) for name, values in arrays.items()}
        transform = None
        if "transform.0.weight" in tensors:
            size, hidden = tensors["transform.0.weight"].shape
            transform = _transform(hidden, size)
        head = cls(backbone, transform=transform, bias=tensors.get("bias"), output=tensors.get("output"))
        try:
            head.load_state_dict(tensors)
            with torch.no_grad():
                head(torch.zeros(1, 1, backbone.feature_dim(len(backbone.stages) - 1)))
        except RuntimeError as error:
            raise UsageError(f"Expected an output layer that fits its backbone, but: {error}") from error
        return head

    @property
    def matrix(self) -> Tensor:
        """The output matrix ``(V, D)``."""
        return self._embedding[0] if self.output is None else self.output

    def logits(self, states: Tensor) -> Tensor:
        """From hidden states ``(..., H)`` to ``(..., V)``."""
        if self.transform is not None:
            states = self.transform(states)
        return linear(states, self.matrix, self.bias)

    def forward(self, states: Tensor, targets: Tensor | None = None) -> Tensor:
        """Logits ``(N, L, V)``; where targets ``(N, L)`` are given, the loss of each in nats, 0 where nothing is asked.

        Args:
            states: Hidden states of all tokens, ``(N, L, H)``.
            targets: Token numbers, :data:`IGNORED` where nothing is asked.
        """
        if targets is None:
            return self.logits(states)
        asked = targets != IGNORED
        losses = torch.zeros(targets.shape, dtype=torch.float32, device=states.device)
        losses[asked] = cross_entropy(self.logits(states[asked]).float(), targets[asked], reduction="none")
        return losses


def embedding_of(backbone: StagedBackbone) -> nn.Parameter:
    """The token embeddings ``(V, D)`` of a text backbone.

    Raises:
        UsageError: The backbone has none.
    """
    find = getattr(backbone.model, "get_input_embeddings", None)
    weight = getattr(find() if find is not None else None, "weight", None)
    if not isinstance(weight, nn.Parameter) or weight.ndim != 2:
        raise UsageError("Expected a backbone that embeds tokens, but this one does not; name one for text.")
    return weight


def _transform(hidden: int, size: int) -> nn.Sequential:
    """BERT's transformation before the output matrix, initialised as BERT is."""
    dense = nn.Linear(hidden, size)
    nn.init.normal_(dense.weight, std=0.02)
    nn.init.zeros_(dense.bias)
    return nn.Sequential(dense, nn.GELU(), nn.LayerNorm(size, eps=1e-12))
