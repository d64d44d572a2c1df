"""The source's classifier on pooled features equals torch's own linear layer and softmax."""

import numpy as np
import torch

from headstart.backbones.source_classifier import SourceClassifier


def test_probabilities_are_those_of_torch():
    rng = np.random.default_rng(0)
    layer = torch.nn.Linear(6, 4)
    features = rng.normal(size=(5, 6)).astype(np.float16)
    ours = SourceClassifier(layer.weight.detach().numpy(), layer.bias.detach().numpy())
    with torch.no_grad():
        expected = layer(torch.from_numpy(features.astype(np.float32))).softmax(dim=1).numpy()
    np.testing.assert_allclose(ours.probabilities(features), expected, rtol=1e-5)


def test_it_comes_back_from_its_tensors_and_ignores_a_constant_in_the_bias():
    ours = SourceClassifier(np.eye(3, dtype=np.float32), np.zeros(3, np.float32))
    shifted = SourceClassifier.from_tensors({**ours.to_tensors(), "bias": np.full(3, 7, np.float32)})
    features = np.array([[1.0, 2.0, 3.0]], np.float32)
    np.testing.assert_allclose(shifted.probabilities(features), ours.probabilities(features), rtol=1e-6)
