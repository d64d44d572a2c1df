"""A small convolutional network for texts: a baseline, trained from scratch on the tokens that the backbone sees."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from headstart.backbones.stages import Part
from headstart.backbones.text_tokens import Tokens

DIM, CHANNELS, WIDTH, DROPOUT = 64, 128, 5, 0.3


class SmallTextNetwork(nn.Module):
    """Embeddings, one convolution over neighbouring tokens, and its maximum over the text (Kim 2014, arXiv:1408.5882).

    ``(N, L)`` packed tokens to ``(N, 128)``. Kim takes widths of 3, 4 and 5 side by side and begins with word2vec's
    vectors; here nothing is pretrained.

    Args:
        vocabulary: How many tokens there are.
    """

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, DIM)
        self.convolution = nn.Conv1d(DIM, CHANNELS, WIDTH, padding=WIDTH // 2)
        self.dropout = nn.Dropout(DROPOUT)
        self.own_parts = (
            Part("embeddings", ("embedding",), _embed),
            Part("convolution", ("convolution",), _convolve),
            Part("pool", ("dropout",), _pool),
        )

    def forward(self, tokens: Tensor) -> Tensor:
        """The pooled features of a batch of texts."""
        return _pool(self, _convolve(self, _embed(self, tokens, tokens), tokens), tokens)


def _embed(model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
    embedded: Tensor = model.get_submodule("embedding")(Tokens.unpack(hidden, padding=0).ids)
    return embedded * _real(context, embedded)


def _convolve(model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
    found: Tensor = model.get_submodule("convolution")(hidden.transpose(1, 2)).transpose(1, 2)
    return torch.relu(found) * _real(context, found)  # never below zero: padding cannot be the maximum


def _pool(model: nn.Module, hidden: Tensor, context: Tensor | None) -> Tensor:
    pooled: Tensor = model.get_submodule("dropout")(hidden.amax(dim=1))
    return pooled


def _real(context: Tensor | None, like: Tensor) -> Tensor:
    if context is None:
        raise ValueError("Expected the tokens as `context`, but got none; padding cannot be told without them.")
    return Tokens.unpack(context, padding=0).real.to(like.dtype).unsqueeze(2)
