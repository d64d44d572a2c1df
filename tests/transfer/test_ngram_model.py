"""The n-gram model, held against the formula written out."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest

from headstart.core.errors import UsageError
from headstart.transfer.ngram_model import NgramModel, best_ngram_model


def _by_hand(tokens, vocabulary, order, history, word):
    """p(word | history) by the definition, one order at a time."""
    counts = Counter(tuple(tokens[i : i + order]) for i in range(len(tokens) - order + 1))
    tables = {order: counts}
    for length in range(order - 1, 0, -1):
        behind = defaultdict(set)
        for gram in tables[length + 1]:
            behind[gram[1:]].add(gram[0])
        tables[length] = Counter({gram: len(before) for gram, before in behind.items()})
    probability = 1 / vocabulary
    for length in range(1, order + 1):
        table = tables[length]
        if length - 1 > len(history):
            break
        context = tuple(history[len(history) - length + 1 :]) if length > 1 else ()
        following = {gram[-1]: count for gram, count in table.items() if gram[:-1] == context}
        once, twice = (sum(count == number for count in table.values()) for number in (1, 2))
        discount = once / (once + 2 * twice) if once else 0.5
        if total := sum(following.values()):
            kept = max(following.get(word, 0) - discount, 0)
            probability = (kept + discount * len(following) * probability) / total
    return probability


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_it_is_interpolated_kneser_ney(order):
    generator = np.random.default_rng(order)
    train = generator.integers(0, 6, 80).astype(np.int32)
    test = generator.integers(0, 7, 25).astype(np.int32)  # one token was never seen
    losses = NgramModel(train, 7, order).losses(test)
    expected = [_by_hand(train, 7, order, test[:place], test[place]) for place in range(len(test))]
    assert np.exp(-losses) == pytest.approx(expected, rel=1e-9)


def test_the_probabilities_of_all_tokens_sum_to_one():
    train = np.random.default_rng(0).integers(0, 5, 200).astype(np.int32)
    model = NgramModel(train, 5, 3)
    total = sum(np.exp(-model.losses(np.array([1, 4, word], np.int32))[-1]) for word in range(5))
    assert total == pytest.approx(1)


def test_the_order_is_chosen_by_validation():
    chain = (np.cumsum(np.random.default_rng(0).integers(1, 3, 4000)) % 9).astype(np.int32)
    model, tried = best_ngram_model(chain[:3000], chain[3000:], 9)
    assert model.order == 2
    assert min(tried, key=lambda row: row[1])[0] == 2
    assert dict(tried)[2] == pytest.approx(np.log(2), abs=0.02)


def test_ngrams_that_cannot_be_numbered_are_refused():
    with pytest.raises(UsageError, match="shorter"):
        NgramModel(np.zeros(100, np.int32), 50_000, 5)
