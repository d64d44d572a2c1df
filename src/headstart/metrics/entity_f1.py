"""Entities in tagged sentences: exact span and type, as the CoNLL-2003 shared task counts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from headstart.core.errors import UsageError

#: A tag that belongs to no entity.
OUTSIDE = "O"
_PREFIXES = frozenset("BIES")


class Entity(NamedTuple):
    """Some words in a row that are one thing.

    Attributes:
        first: Number of the first word.
        end: Number of the first word after it.
        kind: Its type.
    """

    first: int
    end: int
    kind: str


def entities(tags: Sequence[str]) -> frozenset[Entity]:
    """The entities that the tags of a sentence mark: IOB1, BIO (IOB2) and IOBES, as tolerant as ``conlleval``.

    An entity begins at ``B-`` or ``S-``, wherever the type changes, and at an ``I-`` or ``E-`` that follows no entity;
    it ends before the next one begins, at ``O``, and after ``E-`` or ``S-`` (Tjong Kim Sang and De Meulder 2003,
    "Introduction to the CoNLL-2003 Shared Task", whose script this follows; ``S-`` is treated as seqeval does). So
    ``O I-person`` is an entity although it begins with no ``B-``.

    Args:
        tags: One for each word, such as ``"B-person"`` or ``"O"``.

    Returns:
        The entities.

    Example:
        >>> sorted(entities(["B-person", "I-person", "O", "I-place"]))
        [Entity(first=0, end=2, kind='person'), Entity(first=3, end=4, kind='place')]
    """
    found, begun = [], None
    before, kind_before = OUTSIDE, ""
    for place, (prefix, kind) in enumerate(map(_split, (*tags, OUTSIDE))):
        if begun is not None and _ends(before, prefix, same=kind == kind_before):
            found.append(Entity(begun, place, kind_before))
            begun = None
        if begun is None and prefix != OUTSIDE:
            begun = place
        before, kind_before = prefix, kind
    return frozenset(found)


def mark_entities(tags: Sequence[str]) -> bool:
    """Whether a set of tags marks entities: all of them are ``O`` or begin with ``B-``, ``I-``, ``E-`` or ``S-``.

    Parts of speech, for example, do not: with them every word is judged on its own.

    Example:
        >>> mark_entities(["O", "B-place"]), mark_entities(["NOUN", "VERB"])
        (True, False)
    """
    marks = [tag for tag in tags if tag != OUTSIDE]
    return bool(marks) and all(tag[:1] in _PREFIXES and tag[1:2] == "-" for tag in marks)


def entity_counts(tags: Sequence[str], predicted: Sequence[str]) -> tuple[int, int, int]:
    """What F1 is made of, for one sentence.

    Args:
        tags: The right tags.
        predicted: The predicted ones, as many.

    Returns:
        Entities found with exactly the right words and type, entities predicted, entities there are.

    Raises:
        UsageError: The tags are not equally many.

    Example:
        >>> entity_counts(["B-place", "I-place", "O"], ["B-place", "O", "B-place"])
        (0, 2, 1)
    """
    if len(tags) != len(predicted):
        raise UsageError(f"Expected {len(tags)} predicted tags, one for each word, but got {len(predicted)}.")
    right, given = entities(tags), entities(predicted)
    return len(right & given), len(given), len(right)


def entity_f1(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Harmonic mean of precision and recall over all entities: :math:`2 TP / (predicted + gold)`.

    Args:
        counts: Sums of :func:`entity_counts` over sentences, shape ``(..., 3)``.

    Returns:
        Shape ``(...)``, in [0, 1]; 0 where there are no entities on either side, as ``conlleval`` has it.

    Example:
        >>> float(entity_f1(np.array([2.0, 3.0, 5.0])))
        0.5
    """
    return _share(2 * counts[..., 0], counts[..., 1] + counts[..., 2])


def entity_precision(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the predicted entities that are right, shape ``(...)``; 0 where none was predicted."""
    return _share(counts[..., 0], counts[..., 1])


def entity_recall(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of the entities that were found, shape ``(...)``; 0 where there are none."""
    return _share(counts[..., 0], counts[..., 2])


def _split(tag: str) -> tuple[str, str]:
    """Prefix and type; what has no prefix of ours is outside."""
    prefix, _, kind = tag.partition("-")
    return (prefix, kind) if prefix in _PREFIXES else (OUTSIDE, "")


def _ends(before: str, prefix: str, *, same: bool) -> bool:
    """Whether an entity that has reached the word before does not go on with this one."""
    return before in {"E", "S"} or prefix in {"B", "S", OUTSIDE} or not same


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.zeros(np.shape(whole))
    np.divide(part, whole, out=shares, where=np.asarray(whole) > 0)
    return shares
