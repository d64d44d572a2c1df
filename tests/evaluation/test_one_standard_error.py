"""The one-standard-error rule, against the t statistic of scipy."""

import numpy as np
import pytest
from scipy import stats

from headstart.evaluation.one_standard_error import clearly_better


def probabilities(generator, count, classes=3):
    rows = generator.random((count, classes)) + 0.05
    return rows / rows.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(40))
def test_it_is_a_paired_t_above_one_without_a_loss_of_right_answers(seed):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 3, 20)
    champion = probabilities(generator, 20)
    challenger = 0.8 * champion + 0.2 * probabilities(generator, 20) + generator.random() * 0.3 * np.eye(3)[labels]
    challenger /= challenger.sum(axis=1, keepdims=True)
    places = np.arange(20)
    t = stats.ttest_rel(np.log(challenger[places, labels]), np.log(champion[places, labels])).statistic
    right, before = ((rows.argmax(axis=1) == labels).sum() for rows in (challenger, champion))
    assert clearly_better(challenger, champion, labels) == (t > 1 and right >= before)


def test_both_answers_occur_above():
    """The parametrised test above would show little if all its cases came out alike."""
    answers = set()
    for seed in range(40):
        generator = np.random.default_rng(seed)
        labels = generator.integers(0, 3, 20)
        champion = probabilities(generator, 20)
        challenger = 0.8 * champion + 0.2 * probabilities(generator, 20) + generator.random() * 0.3 * np.eye(3)[labels]
        answers.add(clearly_better(challenger / challenger.sum(axis=1, keepdims=True), champion, labels))
    assert answers == {True, False}


def test_nothing_is_better_than_itself():
    rows = probabilities(np.random.default_rng(0), 30)
    assert not clearly_better(rows, rows, np.zeros(30, dtype=np.int64))


def test_neither_order_nor_the_names_of_the_classes_matter():
    generator = np.random.default_rng(2)
    labels = generator.integers(0, 3, 25)
    champion = probabilities(generator, 25)
    challenger = champion + 0.2 * np.eye(3)[labels]
    order, names = generator.permutation(25), np.array([2, 0, 1])
    expected = clearly_better(challenger, champion, labels)
    assert clearly_better(challenger[order], champion[order], labels[order]) == expected
    assert clearly_better(challenger[:, names], champion[:, names], np.argsort(names)[labels]) == expected


def test_surer_answers_do_not_pay_for_more_wrong_ones():
    labels = np.zeros(10, dtype=np.int64)
    champion = np.tile([0.51, 0.49], (10, 1))
    challenger = np.tile([0.99, 0.01], (10, 1))
    assert clearly_better(challenger, champion, labels)
    challenger[0] = [0.49, 0.51]  # the mean still gains by far
    assert not clearly_better(challenger, champion, labels)


def test_one_item_shows_nothing():
    assert not clearly_better(np.array([[0.9, 0.1]]), np.array([[0.1, 0.9]]), np.array([0]))


def test_a_class_that_was_given_no_chance_at_all_does_not_end_in_infinity():
    labels = np.zeros(4, dtype=np.int64)
    never = np.tile([0.0, 1.0], (4, 1))
    assert clearly_better(np.tile([0.9, 0.1], (4, 1)), never, labels)
    assert not clearly_better(never, np.tile([0.9, 0.1], (4, 1)), labels)
