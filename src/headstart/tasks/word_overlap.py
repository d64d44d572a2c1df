"""What a reader without any understanding would answer: the plain baseline of question answering."""

from __future__ import annotations

import math
import re
from collections import Counter

from headstart.data.questions import Question
from headstart.metrics.squad import normalised

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


def likely_piece(question: Question, words: int) -> str:
    """What a reader without any understanding would answer.

    Of the sentences of the text the one whose words, weighted by how rare they are in the text, overlap most with those
    of the question; of that sentence the run of ``words`` words that holds fewest articles and words of the question,
    nearest to one of these (after the sliding window baseline of Richardson, Burges and Renshaw 2013, "MCTest").

    Args:
        question: The question and its text.
        words: Length of the answer.
    """
    asked = set(normalised(question.question).split())
    frequency = Counter(normalised(question.context).split())

    def likeness(sentence: str) -> float:
        return sum(math.log(1 + 1 / frequency[word]) for word in set(normalised(sentence).split()) & asked)

    sentence = max(_SENTENCE_END.split(question.context), key=likeness)
    tokens = sentence.split()
    words_of = [set(normalised(token).split()) for token in tokens]
    shared = [place for place, found in enumerate(words_of) if found & asked]
    idle = [not found or bool(found & asked) for found in words_of]
    near = [min((abs(place - other) for other in shared), default=0) for place in range(len(tokens))]

    def cost(start: int) -> tuple[int, int]:
        return sum(idle[start : start + words]), min(near[start : start + words])

    start = min(range(max(1, len(tokens) - words + 1)), key=cost)
    return " ".join(tokens[start : start + words]).strip(" ,;:.")
