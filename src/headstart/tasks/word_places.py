"""Where in the windows of a sentence each of its words is asked about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.token_windows import Window
from headstart.data.sentences import Sentence


def word_places(sentence: Sentence, windows: Sequence[Window]) -> list[NDArray[np.int64]]:
    """For each token of each window the number of the word that it is asked about for; -1 for all others.

    Every word in which the tokenizer finds anything is asked about exactly once.

    Args:
        sentence: The sentence.
        windows: Of its text.
    """
    starts = np.array([start for start, _ in sentence.spans])
    best: dict[int, tuple[int, int, int]] = {}
    for number, window in enumerate(windows):
        for word, place, depth in _beginnings(starts, window, first=not number):
            if word not in best or depth > best[word][0]:
                best[word] = (depth, number, place)
    places = [np.full(len(window.tokens), -1, np.int64) for window in windows]
    for word, (_, number, at) in best.items():
        places[number][at] = word
    return places


def _beginnings(starts: NDArray[np.int64], window: Window, *, first: bool) -> Iterator[tuple[int, int, int]]:
    """The words that begin in a window: their number, the place of their first token, how far that is from the ends.

    What a later window begins with may be the rest of a word, and is left to the window before.
    """
    inside = np.flatnonzero(window.inside)
    words = np.searchsorted(starts, window.spans[inside, 0], side="right") - 1
    for place in range(len(inside)):
        begins = words[place] != words[place - 1] if place else first
        if begins:
            before = len(inside) if first else place
            yield int(words[place]), int(inside[place]), min(before, len(inside) - 1 - place)
