"""Pooling tokens, against the same done one text after the other."""

import pytest
import torch

from headstart.backbones.text_pooling import TextPooling
from headstart.core.errors import UsageError

LENGTHS = (6, 3, 1)
HIDDEN = torch.randn(3, 6, 5, generator=torch.Generator().manual_seed(0))
REAL = torch.arange(6)[None] < torch.tensor(LENGTHS)[:, None]
OF_ONE_TEXT = {
    "mean": lambda tokens: tokens.mean(dim=0),
    "max": lambda tokens: tokens.max(dim=0).values,
    "cls": lambda tokens: tokens[0],
    "last": lambda tokens: tokens[-1],
}


@pytest.mark.parametrize("mode", OF_ONE_TEXT)
def test_it_is_what_pooling_every_text_alone_gives(mode: str) -> None:
    expected = torch.stack([OF_ONE_TEXT[mode](row[:length]) for row, length in zip(HIDDEN, LENGTHS, strict=True)])
    torch.testing.assert_close(TextPooling(mode)(HIDDEN, REAL), expected)
    found = TextPooling(mode, unit_length=True)(HIDDEN, REAL)
    torch.testing.assert_close(found, expected / (expected**2).sum(dim=1, keepdim=True) ** 0.5)


@pytest.mark.parametrize("mode", OF_ONE_TEXT)
def test_padding_does_not_count(mode: str) -> None:
    other = HIDDEN.where(REAL.unsqueeze(2), torch.tensor(1e3))
    torch.testing.assert_close(TextPooling(mode)(other, REAL), TextPooling(mode)(HIDDEN, REAL))


def test_settings_go_to_a_line_and_come_back() -> None:
    settings = {"hidden_size": 8, **TextPooling("last", unit_length=True).settings()}
    assert TextPooling.taken_from(settings) == TextPooling("last", unit_length=True)
    assert settings == {"hidden_size": 8}
    assert TextPooling("cls").settings() == {"pooling": "cls"}


@pytest.mark.parametrize("settings", [{}, {"pooling": "median"}, {"pooling": "mean", "unit_length": 1}])
def test_what_is_no_pooling_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="pooling="):
        TextPooling.taken_from(settings)
