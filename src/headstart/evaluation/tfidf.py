"""The plain baseline for texts: which words and pairs of words are there, and logistic regression on that.

Counts ``c`` of words and of neighbouring words become ``(1 + log c) · log((1 + N) / (1 + n))``-like weights, ``n`` of
``N`` training texts having the term (Spärck Jones, "A statistical interpretation of term specificity", 1972), each
text's weights a vector of length 1. How strongly the regression is held back, and its temperature, are chosen on
out-of-fold logits of the training texts, as the probe's are.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.data import texts
from headstart.data.items import Item
from headstart.data.modality import PlainModel, PlainProblem
from headstart.features.folds import grouped_folds, stratified_folds
from headstart.metrics.temperature import best_temperature

#: Inverse strengths to try first, as scikit-learn counts them; further ones follow where the best is at an end.
INVERSE_STRENGTHS = (1.0, 10.0, 100.0)
FURTHER = 2
FOLDS = 3
#: The strength is chosen on at most so many texts.
MOST_TEXTS_FOR_CHOICE = 20_000
#: The most frequent terms that are used: so many, and fewer where there are many classes.
MOST_TERMS = 200_000
MOST_WEIGHTS = 5_000_000

_MOST_STEPS = 1000
_CHOICE_TOLERANCE, _FINAL_TOLERANCE = 1e-3, 1e-4
#: Kana and Chinese characters are words of their own, so that pairs of them are terms: nobody writes spaces there.
_ALONE = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = rf"[{_ALONE}]|[^\W{_ALONE}]+"
#: The logit of a class that no training text of a fold had, below the least of the others.
_UNSEEN = 10.0


@dataclass(frozen=True, slots=True)
class _Tried:
    inverse_strength: float
    log_loss: float
    temperature: float


def fit_tfidf(problem: PlainProblem) -> PlainModel:
    """Fits TF-IDF and logistic regression on the training texts alone.

    Args:
        problem: Items that are texts or pairs of texts.

    Returns:
        The model.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2),
        sublinear_tf=True,
        token_pattern=_WORD,
        max_features=max(1, min(MOST_TERMS, MOST_WEIGHTS // problem.classes)),
    )
    try:
        terms = vectorizer.fit_transform(_texts(problem.items, problem.train))
    except ValueError:  # scikit-learn's answer where no text has a word
        return _prior(problem)
    labels = problem.labels[problem.train]
    best = _choose(terms, labels, problem)
    model, converged = _fit(terms, labels, best.inverse_strength, _FINAL_TOLERANCE)

    def probabilities(places: NDArray[np.intp]) -> NDArray[np.float64]:
        logits = _logits(model, vectorizer.transform(_texts(problem.items, places)), problem.classes)
        return _softmax(logits / best.temperature)

    detail = (
        f"{terms.shape[1]:,} words and pairs of words, logistic regression, strength {1 / best.inverse_strength:.3g}"
    )
    return PlainModel("TF-IDF", detail, converged, probabilities)


def _texts(items: Sequence[Item], places: NDArray[np.intp]) -> list[str]:
    return [texts.decode(items[place].source.read()).whole for place in places]


def _choose(terms: Any, labels: NDArray[np.int64], problem: PlainProblem) -> _Tried:
    """The inverse strength with the least out-of-fold log loss at its best temperature."""
    chosen = _rows_for_choice(labels, problem.seed)
    terms, labels = terms[chosen], labels[chosen]
    folds = (
        stratified_folds(labels, count=FOLDS, seed=problem.seed)
        if problem.groups is None
        else grouped_folds(labels, [problem.groups[row] for row in chosen], count=FOLDS, seed=problem.seed)
    )

    def attempt(inverse_strength: float) -> _Tried:
        logits = np.zeros((len(labels), problem.classes))
        for fold in np.unique(folds):
            seen, held_out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
            if len(np.unique(labels[seen])) > 1:
                model, _ = _fit(terms[seen], labels[seen], inverse_strength, _CHOICE_TOLERANCE)
                logits[held_out] = _logits(model, terms[held_out], problem.classes)
        temperature, loss = best_temperature(logits.astype(np.float32), labels)
        return _Tried(inverse_strength, loss, temperature)

    tried = [attempt(inverse_strength) for inverse_strength in INVERSE_STRENGTHS]
    for _ in range(FURTHER):
        tried.sort(key=lambda one: one.inverse_strength)
        best = min(tried, key=lambda one: one.log_loss)
        if best not in {tried[0], tried[-1]}:
            break
        tried.append(attempt(best.inverse_strength * (10.0 if best == tried[-1] else 0.1)))
    return min(tried, key=lambda one: one.log_loss)


def _rows_for_choice(labels: NDArray[np.int64], seed: int) -> NDArray[np.intp]:
    share = -(-len(labels) // MOST_TEXTS_FOR_CHOICE)
    if share == 1:
        return np.arange(len(labels))
    return np.flatnonzero(stratified_folds(labels, count=share, seed=seed) == 0)


def _fit(terms: Any, labels: NDArray[np.int64], inverse_strength: float, tolerance: float) -> tuple[Any, bool]:
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what has not converged is said in the result
        model = LogisticRegression(C=inverse_strength, max_iter=_MOST_STEPS, tol=tolerance).fit(terms, labels)
    return model, bool((model.n_iter_ < _MOST_STEPS).all())


def _logits(model: Any, terms: Any, classes: int) -> NDArray[np.float64]:
    """``(n, C)``; scikit-learn gives one column for two classes, and none for a class that it has not seen."""
    found = np.asarray(model.decision_function(terms), dtype=np.float64)
    if found.ndim == 1:
        found = np.stack([np.zeros_like(found), found], axis=1)
    logits = np.repeat(found.min(axis=1, keepdims=True) - _UNSEEN, classes, axis=1)
    logits[:, model.classes_] = found
    return logits


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _prior(problem: PlainProblem) -> PlainModel:
    """Always the shares of the classes among the training texts."""
    counts = np.bincount(problem.labels[problem.train], minlength=problem.classes)
    shares = counts / counts.sum()
    return PlainModel(
        "TF-IDF", "no text has a word: the share of each class", True, lambda places: np.tile(shares, (len(places), 1))
    )
