"""Near-equal texts are found by hash and form together, different ones are not."""

import csv
import random
from collections import Counter

import numpy as np
import pytest

from headstart.data.duplicates import near_pairs
from headstart.data.text_shingles import FORM_LENGTH, hashed_counts, near_hash, shingles

REVIEW = (
    "The film begins slowly, in a village by the sea where nothing seems to happen for years. Then a stranger comes, "
    "rents the old lighthouse, and asks the fishermen questions that nobody has asked before. What follows is part "
    "mystery, part comedy; the director never decides which, and that is its charm. I left the cinema smiling."
)


def pairs(*texts: str) -> list[tuple[int, int]]:
    numbers = [shingles(text) for text in texts]
    hashes = np.array([near_hash(own) for own in numbers], dtype=np.uint64)
    return [(pair.first, pair.second) for pair in near_pairs(hashes, np.stack([hashed_counts(own) for own in numbers]))]


def test_equal_shingles_have_equal_numbers_and_others_have_others():
    text = "abracadabra abracadabra"
    found = shingles(text)
    own = [f" {text} "[place : place + 3] for place in range(len(text))]

    assert len(found) == len(own)
    assert len(set(found.tolist())) == len(set(own))
    assert Counter(Counter(found.tolist()).values()) == Counter(Counter(own).values())


@pytest.mark.parametrize("text", ["", "?!", "a", "ab", "🙂", "世界"])
def test_the_shortest_texts_have_shingles(text):
    numbers = shingles(text)
    assert len(numbers) >= 1
    assert hashed_counts(numbers).shape == (FORM_LENGTH,)
    assert 0 <= near_hash(numbers) < 2**64


def test_case_spacing_punctuation_and_width_do_not_matter():
    assert (shingles("Good -- movie!") == shingles(" good\nＭＯＶＩＥ ")).all()


@pytest.mark.parametrize(
    "other",
    [
        REVIEW.upper(),
        REVIEW.replace(",", "").replace(". ", " ... "),
        REVIEW.replace("stranger", "foreigner"),
        REVIEW.replace("cinema", "cinma"),
        REVIEW + " 8/10",
    ],
)
def test_nearly_equal_texts_are_found(other):
    assert pairs(REVIEW, other) == [(0, 1)]


def test_other_texts_of_the_same_words_length_or_kind_are_not_found():
    words = REVIEW.split()
    random.Random(0).shuffle(words)
    assert pairs(REVIEW, " ".join(words)) == []
    assert pairs(REVIEW, REVIEW[: len(REVIEW) // 2]) == []


def test_texts_of_hardly_any_shingles_are_told_from_nothing():
    assert pairs("ok", "ok") == []
    assert pairs("?", "!") == []


def test_a_form_tells_shares_and_not_length():
    once, often = hashed_counts(shingles(REVIEW)), hashed_counts(shingles(" ".join([REVIEW] * 20)))
    assert np.abs(once.astype(int) - often.astype(int)).mean() < 0.05 * once.mean()


@pytest.mark.data
def test_real_headlines_hold_near_duplicates_and_nothing_else_is_taken_for_one(real_data):
    with (real_data / "ag_news" / "train.csv").open(newline="") as stream:
        texts = [row[2] for row in csv.reader(stream)]

    found = pairs(*texts)

    assert 5 < len(found) < 60
    for first, second in found:
        one, other = (Counter(texts[place].casefold().split()) for place in (first, second))
        assert (one & other).total() > 0.6 * (one | other).total()
