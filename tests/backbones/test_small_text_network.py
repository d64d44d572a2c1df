import pytest
import torch

from headstart.backbones.architectures import build
from headstart.backbones.preprocess import PADDING
from headstart.backbones.splitting import split_for
from headstart.backbones.text_preprocess import TextPreprocess

PREPROCESS = TextPreprocess("", most_tokens=32, vocabulary=50)


def test_the_law_holds_at_every_cut() -> None:
    backbone = split_for(build("headstart", "small_text_network(vocabulary=50)", 32), PREPROCESS)
    assert [(stage.name, stage.dim, stage.layout) for stage in backbone.stages] == [
        ("embeddings", 64, "NLC"),
        ("convolution", 128, "NLC"),
        ("pool", 128, "NC"),
    ]
    assert all(stage.boundary for stage in backbone.stages)


def test_padding_changes_nothing() -> None:
    model = build("headstart", "small_text_network(vocabulary=50)", 32)
    tokens = torch.tensor([[3, 7, 1, 9, 4]])
    padded = torch.cat([tokens, torch.full((1, 11), PADDING)], dim=1)
    torch.testing.assert_close(model(tokens), model(padded))


def test_the_order_of_words_matters() -> None:
    model = build("headstart", "small_text_network(vocabulary=50)", 32)
    assert not torch.allclose(model(torch.tensor([[3, 7, 1, 9]])), model(torch.tensor([[9, 1, 7, 3]])))


def test_without_the_tokens_it_cannot_tell_padding() -> None:
    backbone = split_for(build("headstart", "small_text_network(vocabulary=50)", 32), PREPROCESS)
    with pytest.raises(ValueError, match="context"):
        backbone(torch.tensor([[3, 7]]))
