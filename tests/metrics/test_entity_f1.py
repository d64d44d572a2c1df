import itertools
import random

import numpy as np
import pytest

from headstart.core.errors import UsageError
from headstart.metrics.entity_f1 import (
    Entity,
    entities,
    entity_counts,
    entity_f1,
    entity_precision,
    entity_recall,
    mark_entities,
)

TAGS = ["O", "B-x", "I-x", "B-y", "I-y"]


def by_definition(tags: list[str]) -> set[tuple[int, int, str]]:
    """Every span that is an entity, tried one by one, by conlleval's words for BIO and IOB1."""
    found = set()
    for first, end in itertools.combinations(range(len(tags) + 1), 2):
        kinds = {tag[2:] for tag in tags[first:end]}
        if len(kinds) != 1 or "O" in tags[first:end] or any(tag[0] == "B" for tag in tags[first + 1 : end]):
            continue
        (kind,) = kinds
        begins = tags[first][0] == "B" or first == 0 or tags[first - 1][2:] != kind
        ends = end == len(tags) or tags[end] != f"I-{kind}"
        if begins and ends:
            found.add((first, end, kind))
    return found


@pytest.mark.parametrize("length", range(6))
def test_every_short_sentence_has_the_entities_of_the_definition(length: int) -> None:
    for tags in itertools.product(TAGS, repeat=length):
        assert entities(tags) == by_definition(list(tags)), tags


def test_long_sentences_have_the_entities_of_the_definition() -> None:
    chance = random.Random(0)
    for _ in range(200):
        tags = chance.choices(TAGS, k=20)
        assert entities(tags) == by_definition(tags)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["B-x", "E-x", "S-x"], {(0, 2, "x"), (2, 3, "x")}),
        (["S-x", "I-x", "E-x", "E-x"], {(0, 1, "x"), (1, 3, "x"), (3, 4, "x")}),
        (["B-x", "I-x", "E-y"], {(0, 2, "x"), (2, 3, "y")}),
        (["B-is-a", "I-is-a"], {(0, 2, "is-a")}),
        (["NOUN", "VERB"], set()),
    ],
)
def test_other_schemes(tags: list[str], expected: set[Entity]) -> None:
    assert entities(tags) == expected


def test_f1_precision_and_recall_of_counts() -> None:
    tags, predicted = ["B-x", "I-x", "O", "B-y", "B-y"], ["B-x", "I-x", "B-x", "I-y", "I-y"]
    counts = entity_counts(tags, predicted)
    assert counts == (1, 3, 3)
    totals = np.array([counts, (2, 4, 2), (0, 0, 0)], dtype=float)
    np.testing.assert_allclose(entity_precision(totals), [1 / 3, 1 / 2, 0])
    np.testing.assert_allclose(entity_recall(totals), [1 / 3, 1, 0])
    np.testing.assert_allclose(entity_f1(totals), [1 / 3, 2 / 3, 0])


def test_swapping_right_and_predicted_swaps_precision_and_recall() -> None:
    chance = random.Random(1)
    for _ in range(50):
        one, other = chance.choices(TAGS, k=12), chance.choices(TAGS, k=12)
        there, back = (np.array(entity_counts(*pair), dtype=float) for pair in ((one, other), (other, one)))
        assert entity_precision(there) == entity_recall(back)
        assert entity_f1(there) == entity_f1(back)


def test_tags_of_another_number_of_words_are_refused() -> None:
    with pytest.raises(UsageError, match="Expected 2 predicted tags"):
        entity_counts(["O", "O"], ["O"])


def test_which_tags_mark_entities() -> None:
    assert mark_entities(TAGS)
    assert not mark_entities(["O"])
    assert not mark_entities(["B-x", "IN"])
