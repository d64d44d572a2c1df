"""NCE against entropies from scipy: H(Y | Z) = H(Y, Z) - H(Z)."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import entropy
from tests.transfer.scores.evidence import drawn

from headstart.transfer.scores.nce import nce


def test_equals_minus_the_conditional_entropy():
    evidence = drawn(examples=90)
    taken_for = evidence.source_probabilities.argmax(axis=1)
    joint = np.histogram2d(evidence.labels, taken_for, bins=[np.arange(5), np.arange(7)])[0]
    assert nce(evidence) == pytest.approx(entropy(joint.sum(axis=0)) - entropy(joint.ravel()), rel=1e-9)


def test_is_zero_where_each_source_class_holds_one_class():
    evidence = drawn(classes=3)
    source = np.eye(6)[evidence.labels + 3 * (np.arange(60) % 2)]
    assert nce(replace(evidence, source_probabilities=source)) == 0


def test_how_sure_the_source_is_changes_nothing():
    evidence = drawn()
    surer = evidence.source_probabilities.astype(np.float64) ** 4
    surer /= surer.sum(axis=1, keepdims=True)
    assert nce(replace(evidence, source_probabilities=surer)) == nce(evidence)
