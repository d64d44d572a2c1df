"""A tiny language model and texts in which every token follows from the one before."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from headstart.backbones.card import Stage
from headstart.backbones.stages import Part, StagedBackbone
from headstart.tasks.language_model import LanguageModelling
from headstart.training.token_network import TokenNetwork


class TinyEntrance(nn.Module):
    def forward(self, tokens):
        return tokens.long(), tokens.long()


class _Model(nn.Module):
    """Embeddings and a layer that sees the token before."""

    def __init__(self, vocabulary: int = 8, size: int = 16) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocabulary, size)
        self.layer = nn.Sequential(nn.Linear(2 * size, size), nn.Tanh(), nn.Linear(size, size))

    def get_input_embeddings(self) -> nn.Embedding:
        return self.embed


def _embed(model, hidden, context):
    return model.embed(hidden.clamp_min(0))


def _mix(model, hidden, context):
    before = torch.cat([torch.zeros_like(hidden[:, :1]), hidden[:, :-1]], dim=1)
    return model.layer(torch.cat([hidden, before], dim=2))


def _pool(model, hidden, context):
    return hidden.mean(dim=1)


def tiny_language_network(objective: str = "next token") -> TokenNetwork:
    torch.manual_seed(0)
    parts = [Part("embed", ("embed",), _embed), Part("layer", ("layer",), _mix), Part("pooling", (), _pool)]
    stages = [Stage("embed", 16, "NLC"), Stage("layer", 16, "NLC"), Stage("pooling", 16, "NC")]
    backbone = StagedBackbone(_Model(), parts, stages)
    return TokenNetwork(backbone, LanguageModelling(objective).build_head(backbone))


def tiny_blocks(count: int = 64) -> list[np.ndarray]:
    """Texts in which every token follows from the one before: 2, 3, ... 7, 2, ..."""
    generator = np.random.default_rng(0)
    return [
        (np.arange(length) + start).astype(np.int32) % 6 + 2
        for start, length in zip(generator.integers(0, 6, count), generator.integers(3, 20, count), strict=True)
    ]
