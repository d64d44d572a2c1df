"""The probe with a hidden layer learns what a linear one cannot, and survives without torch."""

import numpy as np

from headstart.features.rows import ArrayRows
from headstart.transfer.mlp_probe import fit_mlp_probe
from headstart.transfer.probe import fit_probe


def rings(rows, seed):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, rows)
    angle, radius = generator.uniform(0, 2 * np.pi, rows), 1 + labels + generator.normal(0, 0.1, rows)
    features = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return (features * 30 + 100).astype(np.float32), labels


def test_learns_rings_that_no_line_divides():
    (train, labels), (validation, held_out), (test, truth) = rings(400, 0), rings(200, 1), rings(200, 2)
    settings = {"validation": ArrayRows(validation), "validation_labels": held_out, "classes": 2}
    first = fit_mlp_probe(ArrayRows(train), labels, **settings).head.probabilities(ArrayRows(test))
    linear = fit_probe(ArrayRows(train), labels, classes=2).head.probabilities(ArrayRows(test))
    assert (first.argmax(axis=1) == truth).mean() > 0.95
    assert (linear.argmax(axis=1) == truth).mean() < 0.7
    again = fit_mlp_probe(ArrayRows(train), labels, **settings).head.probabilities(ArrayRows(test))
    np.testing.assert_array_equal(first, again)
