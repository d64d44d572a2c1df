"""Answers to questions about a text, judged as the official SQuAD scripts judge them."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalised(answer: str) -> str:
    """An answer in lower case, without punctuation and articles, its words separated by single spaces.

    Example:
        >>> normalised("The  Empire-State Building, N.Y.")
        'empirestate building ny'
    """
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_PUNCTUATION)).split())


def exact_match(answers: Sequence[str], predicted: str) -> float:
    """Whether a predicted answer equals one of the right ones once all are normalised.

    Args:
        answers: The right answers; none where the text does not answer the question.
        predicted: The predicted answer; empty where the text is said not to answer it.

    Returns:
        1 or 0.

    Example:
        >>> exact_match(["the Normans"], "Normans"), exact_match([], "Normans"), exact_match([], "")
        (1.0, 0.0, 1.0)
    """
    return max(float(normalised(answer) == normalised(predicted)) for answer in _to_compare(answers))


def token_f1(answers: Sequence[str], predicted: str) -> float:
    r"""Overlap of the words of a predicted answer with those of a right one, the best over all right ones.

    .. math:: \frac{2 P R}{P + R}

    with P and R the shares of the predicted and of the right answer's normalised words that are in the other, as often
    as they occur. Where either has no words, it is 1 if both have none and 0 otherwise: a text that does not answer a
    question has only the empty answer (Rajpurkar et al. 2016, "SQuAD: 100,000+ Questions for Machine Comprehension of
    Text", and Rajpurkar, Jia and Liang 2018, "Know What You Don't Know"). Right answers without words are no answers
    beside others. This is the script of version 2.0; that of 1.1 differs only where an answer consists of nothing but
    articles and punctuation.

    Args:
        answers: The right answers; none where the text does not answer the question.
        predicted: The predicted answer; empty where the text is said not to answer it.

    Returns:
        A value in [0, 1].

    Example:
        >>> token_f1(["in the late 1990s"], "late 1990s")
        0.8
    """
    words = normalised(predicted).split()
    return max(_overlap(normalised(answer).split(), words) for answer in _to_compare(answers))


def _to_compare(answers: Sequence[str]) -> list[str]:
    return [answer for answer in answers if normalised(answer)] or [""]


def _overlap(words: Sequence[str], predicted: Sequence[str]) -> float:
    if not words or not predicted:
        return float(words == predicted)
    shared = (Counter(words) & Counter(predicted)).total()
    if not shared:
        return 0.0
    precision, recall = shared / len(predicted), shared / len(words)
    return 2 * precision * recall / (precision + recall)
