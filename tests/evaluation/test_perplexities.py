"""Perplexities with intervals, and the verdict on two language models."""

from __future__ import annotations

import math

import numpy as np
import pytest

from headstart.core.errors import UsageError
from headstart.evaluation.perplexities import TokenLosses, judge_language_models, perplexity_metrics


def _losses(mean: float, count: int = 20_000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).gamma(2.0, mean / 2, count)


def test_the_figures_are_those_of_the_losses():
    losses = _losses(2.0)
    metrics = perplexity_metrics(TokenLosses(losses, words=5000))
    assert metrics["perplexity"].value == pytest.approx(math.exp(losses.mean()))
    assert metrics["token_loss"].value == pytest.approx(losses.mean())
    assert metrics["word_perplexity"].value == pytest.approx(math.exp(losses.sum() / 5000))
    assert "word_perplexity" not in perplexity_metrics(TokenLosses(losses))
    for interval in metrics.values():
        assert interval.low < interval.value < interval.high


def test_the_interval_is_as_wide_as_theory_says_and_wider_where_neighbours_are_alike():
    losses = _losses(2.0)
    interval = perplexity_metrics(TokenLosses(losses))["token_loss"]
    expected = 2 * 1.96 * losses.std() / np.sqrt(len(losses))
    assert interval.high - interval.low == pytest.approx(expected, rel=0.25)
    alike = perplexity_metrics(TokenLosses(np.sort(losses)))["token_loss"]
    assert alike.high - alike.low > 5 * expected


def test_it_covers_the_truth_as_often_as_it_says():
    covered = 0
    for seed in range(60):
        interval = perplexity_metrics(TokenLosses(_losses(2.0, 2000, seed)), seed=seed)["token_loss"]
        covered += interval.low <= 2.0 <= interval.high
    assert covered >= 51


@pytest.mark.parametrize(("ours", "outcome"), [(1.8, "helps"), (2.2, "hurts"), (2.0, "no difference shown")])
def test_the_verdict_is_about_nats_per_token(ours, outcome):
    theirs = _losses(2.0)
    noise = np.random.default_rng(1).normal(0, 0.3, len(theirs))
    own = np.maximum(theirs * ours / 2.0 + (noise - noise.mean()), 0)
    verdict = judge_language_models(TokenLosses(own), TokenLosses(theirs), "n-grams", warnings=("w",))
    assert verdict.outcome == outcome
    assert verdict.difference == pytest.approx(theirs.mean() - own.mean(), abs=1e-6)
    assert f"{math.exp(own.mean()):.2f} against {math.exp(theirs.mean()):.2f}" in verdict.sentence
    assert ("could have shown" in verdict.sentence) == (outcome == "no difference shown")
    assert verdict.warnings == ("w",)
    way = {"helps": "18.", "hurts": "22."}.get(outcome, "0.")
    assert f"{way}" in verdict.sentence


def test_the_other_way_round_it_is_the_other_way_round():
    first, second = TokenLosses(_losses(2.0)), TokenLosses(_losses(2.1, seed=1))
    there, back = judge_language_models(first, second, "b"), judge_language_models(second, first, "a")
    assert there.difference == pytest.approx(-back.difference)
    assert (there.outcome, back.outcome) == ("helps", "hurts")
    assert there.low == pytest.approx(-back.high, abs=1e-3)


def test_models_that_were_asked_for_other_tokens_are_not_compared():
    with pytest.raises(UsageError, match="same tokens"):
        judge_language_models(TokenLosses(np.ones(300)), TokenLosses(np.ones(310)), "b")


@pytest.mark.parametrize("losses", [np.zeros(0), np.ones(1), np.array([1.0, np.nan])])
def test_what_cannot_be_judged_is_refused(losses):
    with pytest.raises(UsageError, match="finite loss"):
        perplexity_metrics(TokenLosses(losses))
