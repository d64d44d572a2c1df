"""Perplexity."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import gmean

from headstart.core.errors import UsageError
from headstart.metrics.perplexity import perplexity


def test_it_is_the_geometric_mean_of_inverse_probabilities():
    probabilities = np.random.default_rng(0).uniform(0.01, 1, 40)
    losses = -np.log(probabilities)
    assert perplexity(losses, np.ones(40, np.int64)) == pytest.approx(gmean(1 / probabilities))


def test_it_does_not_depend_on_how_the_text_is_cut():
    losses = np.random.default_rng(1).exponential(size=30)
    pieces = losses.reshape(10, 3).sum(axis=1)
    whole = perplexity(losses, np.ones(30, np.int64))
    assert perplexity(pieces, np.full(10, 3)) == pytest.approx(whole)


def test_per_word_it_is_a_power_of_the_perplexity_per_token():
    losses, tokens, words = np.array([6.0, 9.0]), np.array([4, 6]), np.array([2, 3])
    assert perplexity(losses, words) == pytest.approx(perplexity(losses, tokens) ** 2)


def test_what_no_float_holds_is_infinite():
    assert perplexity(np.array([1e6]), np.array([1])) == np.inf


@pytest.mark.parametrize(
    ("losses", "counts"),
    [(np.zeros(0), np.zeros(0, int)), (np.ones(2), np.ones(3, int)), (np.array([np.nan]), np.ones(1, int))],
)
def test_what_does_not_belong_together_is_refused(losses, counts):
    with pytest.raises(UsageError, match="Expected a loss"):
        perplexity(losses, counts)
