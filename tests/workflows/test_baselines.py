"""Inputs that are made when first asked for, of one shape or of many lengths."""

import numpy as np
import pytest

from headstart.data.items import ArraySource, Item
from headstart.workflows import baselines
from headstart.workflows.baselines import LazyInputs

PICTURES = [Item(str(number), ArraySource(np.full((2, 2), number, np.uint8))) for number in range(6)]


def test_each_is_made_once_and_given_in_the_order_asked_for():
    made = []

    def make(content):
        made.append(int(content[0, 0]))
        return content.reshape(-1)

    inputs = LazyInputs(PICTURES, make)
    for places in ([3, 1, 3], [1, 5]):
        assert inputs(np.array(places))[:, 0].tolist() == places
    assert sorted(made[1:]) == [1, 3, 5]


def test_what_is_large_lies_in_a_file_with_the_same_numbers(monkeypatch):
    monkeypatch.setattr(baselines, "_MOST_IN_MEMORY", 8)
    inputs = LazyInputs(PICTURES, lambda content: content.reshape(-1).astype(np.float32) / 7)
    np.testing.assert_array_equal(inputs(np.arange(6))[:, 0], np.arange(6, dtype=np.float32) / 7)


@pytest.mark.parametrize("lengths", [[1, 1, 1, 1, 1, 1], [1, 2, 3, 1, 5, 6], [4, 4, 4, 4, 4, 4]], ids=str)
def test_inputs_of_different_lengths_are_filled_up(lengths):
    def make(content):
        number = int(content[0, 0])
        return np.full(lengths[number], 10 + number, dtype=np.int32)

    inputs = LazyInputs(PICTURES, make)
    for places in ([4], [0, 3], [5, 1, 5, 0]):
        batch = inputs(np.array(places))
        assert batch.shape == (len(places), 8)
        assert [row[row >= 0].tolist() for row in batch] == [[10 + place] * lengths[place] for place in places]
