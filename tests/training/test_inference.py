from collections.abc import Callable

import numpy as np
import pytest
import torch

from headstart.tasks.classification import Classification
from headstart.training.examples import PictureExamples
from headstart.training.inference import answers, mean_loss
from headstart.training.network import Network


def test_loss_and_answers_cover_every_example_once_and_in_order(
    make_network: Callable[..., Network], make_examples: Callable[..., PictureExamples]
) -> None:
    network, examples, task = make_network().train(), make_examples(150), Classification(3)
    probabilities = np.concatenate(answers(network, task, examples))
    whole = examples.batch(np.arange(150), None)
    with torch.no_grad():
        expected = network.eval()(whole.inputs).double().softmax(1).numpy()
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    chosen = probabilities[np.arange(150), whole.targets.numpy()]
    assert mean_loss(network, task, examples) == pytest.approx(-np.log(chosen).mean(), rel=1e-5)
