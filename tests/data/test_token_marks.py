"""A weight per token becomes a weight per word, and nothing of the text or of the weights is lost."""

import itertools
import random

import pytest

from headstart.core.errors import UsageError
from headstart.data.token_marks import pieces


def spoken(marks: tuple[tuple[str, float], ...]) -> dict[str, float]:
    return {piece: weight for piece, weight in marks if weight}


def test_the_parts_of_a_word_add_up_and_spaces_lie_between() -> None:
    marks = pieces([(0, 3), (3, 5), (6, 9)], "unfit end", [0.25, 0.5, -0.125])
    assert marks == (("unfit", 0.75), (" ", 0.0), ("end", -0.125))


def test_a_token_with_a_space_before_it_belongs_to_its_word() -> None:
    assert pieces([(0, 2), (2, 6)], "so good", [0.0, 0.5])[-1] == ("good", 0.5)


def test_tokens_without_characters_and_padding_belong_to_nothing() -> None:
    marks = pieces([(0, 0), (0, 2), (0, 0)], "so", [1.0, 0.5, 1.0, 9.0, 9.0])
    assert marks == (("so", 0.5),)


def test_what_was_cut_off_weighs_nothing() -> None:
    assert spoken(pieces([(0, 4)], "long text that went on", [-1.0])) == {"long": -1.0}


def test_a_sum_beyond_one_makes_all_smaller_alike() -> None:
    assert spoken(pieces([(0, 1), (1, 2), (3, 4)], "ab c", [1.0, 1.0, -0.5])) == {"ab": 1.0, "c": -0.25}


def test_several_tokens_of_one_character_add_up() -> None:
    """As byte-level tokenizers cut an emoji."""
    assert pieces([(0, 1), (0, 1)], "🦔", [0.25, 0.5]) == (("🦔", 0.75),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't.", ["I", " ", "don't", "."]),
        ("one\x1etwo", ["one", "\x1e", "two"]),
        ("好い日、today", ["好", "い", "日", "、", "today"]),
        ("नमस्ते दुनिया", ["नमस्ते", " ", "दुनिया"]),
        ("'quoted' – 3.5 %", ["'", "quoted", "'", " ", "–", " ", "3", ".", "5", " ", "%"]),
        ("", []),
    ],
)
def test_pieces_are_words_and_signs(text: str, expected: list[str]) -> None:
    assert [piece for piece, _ in pieces([], text, [])] == expected


def test_any_text_is_covered_and_weights_keep_their_sum() -> None:
    generator = random.Random(0)
    for _ in range(200):
        text = "".join(generator.choices("ab '’.\n\x1e\u200d\u0301日\N{HEDGEHOG}", k=generator.randrange(1, 30)))
        cuts = sorted(generator.sample(range(len(text) + 1), min(4, len(text) + 1)))
        offsets = list(itertools.pairwise(cuts))
        weights = [generator.uniform(-0.2, 0.2) for _ in offsets]
        marks = pieces(offsets, text, weights)
        assert "".join(piece for piece, _ in marks) == text
        assert sum(weight for _, weight in marks) == pytest.approx(sum(weights))


def test_offsets_outside_the_text_and_missing_weights_are_refused() -> None:
    with pytest.raises(UsageError, match="within a text of 2"):
        pieces([(0, 3)], "so", [1.0])
    with pytest.raises(UsageError, match="each of 2 tokens"):
        pieces([(0, 1), (1, 2)], "so", [1.0])
