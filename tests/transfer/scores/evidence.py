"""Small labelled features with a known amount of signal, for the tests of scores."""

import numpy as np

from headstart.transfer.scores.contract import Evidence


def drawn(*, examples=60, dim=12, classes=4, source_classes=6, signal=1.0, seed=0):
    """Gaussian classes around random centres, and a source classifier that partly knows them."""
    generator = np.random.default_rng(seed)
    labels = np.arange(examples) % classes
    centres = generator.standard_normal((classes, dim))
    features = 0.5 + signal * centres[labels] + generator.standard_normal((examples, dim))
    logits = generator.standard_normal((examples, source_classes))
    logits[np.arange(examples), labels % source_classes] += 2 * signal
    source = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return Evidence(features.astype(np.float32), labels, classes, source.astype(np.float32))
