import collections
import re
import string

import pytest

from headstart.metrics.squad import exact_match, normalised, token_f1

WORDS = ["a", "The", "cat,", "cat", "sat", "an", "1990s", "—", "N.Y.", "théâtre", "Cat's"]


def official_normalize(text: str) -> str:
    """``normalize_answer`` of evaluate-v1.1.py and evaluate-v2.0.py, step by step."""
    lower = text.lower()
    without = "".join(letter for letter in lower if letter not in set(string.punctuation))
    return " ".join(re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", without).split())


def official_f1(gold: str, predicted: str) -> float:
    """``compute_f1`` of evaluate-v2.0.py."""
    gold_tokens, tokens = official_normalize(gold).split(), official_normalize(predicted).split()
    common = collections.Counter(gold_tokens) & collections.Counter(tokens)
    same = sum(common.values())
    if len(gold_tokens) == 0 or len(tokens) == 0:
        return int(gold_tokens == tokens)
    if same == 0:
        return 0
    precision, recall = 1.0 * same / len(tokens), 1.0 * same / len(gold_tokens)
    return (2 * precision * recall) / (precision + recall)


def test_it_agrees_with_the_official_script_on_pairs_of_phrases() -> None:
    phrases = ["", *WORDS, *(f"{one} {other}" for one in WORDS for other in WORDS), "the cat sat  on a cat"]
    for gold in phrases:
        assert normalised(gold) == official_normalize(gold)
        answers = [gold] if official_normalize(gold) else []
        for predicted in phrases:
            assert exact_match(answers, predicted) == float(official_normalize(gold) == official_normalize(predicted))
            assert token_f1(answers, predicted) == pytest.approx(official_f1(gold, predicted))


def test_the_best_of_several_answers_counts() -> None:
    assert exact_match(["Paris", "in Paris"], "in paris!") == 1
    assert token_f1(["Paris", "near Lyon in France"], "in France") == pytest.approx(2 / 3)


def test_no_answer_is_right_only_where_there_is_none() -> None:
    assert (exact_match([], ""), token_f1([], "")) == (1, 1)
    assert (exact_match([], "Paris"), token_f1([], "Paris")) == (0, 0)
    assert (exact_match(["Paris"], ""), token_f1(["Paris"], "")) == (0, 0)


def test_an_answer_without_words_is_none_beside_others() -> None:
    assert exact_match(["the", "Paris"], "") == 0
    assert exact_match(["the"], "") == 1


def test_the_order_of_words_changes_the_match_and_not_the_overlap() -> None:
    assert exact_match(["one two three"], "three one two") == 0
    assert token_f1(["one two three"], "three one two") == 1
