"""What a stage rebuilds from a batch of packed tokens."""

import pytest
import torch

from headstart.backbones.text_tokens import UNSEEN, Tokens

PACKED = torch.tensor([[5, (1 << 24) + 7, 9], [4, -1, -1]])
LIKE = torch.zeros(1)


def seen(mask: torch.Tensor) -> list[list[int]]:
    assert set(mask.unique().tolist()) <= {0.0, UNSEEN}
    return [[int(value == 0) for value in row] for row in mask]


def test_tokens_are_unpacked() -> None:
    tokens = Tokens.unpack(PACKED, padding=2)
    assert tokens.ids.tolist() == [[5, 7, 9], [4, 2, 2]]
    assert tokens.second.tolist() == [[0, 1, 0], [0, 0, 0]]
    assert tokens.real.tolist() == [[True] * 3, [True, False, False]]
    assert tokens.positions.tolist() == [[0, 1, 2]]


def test_every_token_sees_the_real_ones() -> None:
    mask = Tokens.unpack(PACKED, padding=0).padding_mask(LIKE)
    assert mask.shape == (2, 1, 1, 3)
    assert seen(mask[:, 0, 0]) == [[1, 1, 1], [1, 0, 0]]


def test_a_token_of_a_decoder_sees_itself_and_those_before_it() -> None:
    mask = Tokens.unpack(PACKED, padding=0).causal_mask(LIKE)
    assert seen(mask[0, 0]) == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert seen(mask[1, 0]) == [[1, 0, 0], [1, 0, 0], [1, 0, 0]]


def test_a_window_hides_what_is_farther_away() -> None:
    mask = Tokens.unpack(PACKED, padding=0).causal_mask(LIKE, window=2)
    assert seen(mask[0, 0]) == [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    assert seen(mask[1, 0])[0] == [1, 0, 0]


@pytest.mark.parametrize("window", [None, 1])
def test_nothing_is_hidden_from_everything_and_half_precision_stays_finite(window: int | None) -> None:
    tokens = Tokens.unpack(PACKED, padding=0)
    for mask in (tokens.padding_mask(LIKE.half()), tokens.causal_mask(LIKE.half(), window)):
        assert mask.dtype == torch.float16
        assert mask.isfinite().all()
        assert (mask == 0).any(dim=-1).all()
