"""LEEP against its definition in plain loops."""

from dataclasses import replace
from math import log

import numpy as np
import pytest
from tests.transfer.scores.evidence import drawn

from headstart.transfer.scores.leep import leep


def by_definition(labels, source):
    count, source_classes = len(labels), len(source[0])
    joint = {
        (y, z): sum(source[i][z] for i in range(count) if labels[i] == y) / count
        for y in set(labels)
        for z in range(source_classes)
    }
    marginal = [sum(joint[y, z] for y in set(labels)) for z in range(source_classes)]
    likelihoods = (
        sum(joint[labels[i], z] / marginal[z] * source[i][z] for z in range(source_classes)) for i in range(count)
    )
    return sum(log(likelihood) for likelihood in likelihoods) / count


def test_equals_the_definition():
    evidence = drawn()
    expected = by_definition(evidence.labels.tolist(), evidence.source_probabilities.astype(np.float64).tolist())
    assert leep(evidence) == pytest.approx(expected, rel=1e-9)


def test_a_source_that_always_says_the_same_leaves_the_entropy_of_the_labels():
    evidence = replace(drawn(), source_probabilities=np.full((60, 5), 0.2))
    assert leep(evidence) == pytest.approx(-log(4))


def test_a_source_class_that_nothing_is_taken_for_is_no_obstacle():
    evidence = drawn()
    source = np.concatenate([evidence.source_probabilities, np.zeros((60, 2))], axis=1)
    assert leep(replace(evidence, source_probabilities=source)) == pytest.approx(leep(evidence))


def test_renaming_the_source_classes_changes_nothing():
    evidence = drawn()
    renamed = evidence.source_probabilities[:, [3, 1, 5, 0, 2, 4]]
    assert leep(replace(evidence, source_probabilities=renamed)) == pytest.approx(leep(evidence), rel=1e-6)
