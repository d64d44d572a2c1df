from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from headstart.core.errors import EngineError
from headstart.metrics.temperature import best_temperature
from headstart.tasks.classification import Classification
from headstart.training.activations import InputExamples
from headstart.training.inference import answers, held_out_loss
from headstart.training.network import Network


def test_loss_and_answers_cover_every_example_once_and_in_order(
    make_network: Callable[..., Network], make_examples: Callable[..., InputExamples]
) -> None:
    network, examples, task = make_network().train(), make_examples(150), Classification(3)
    probabilities = np.concatenate(answers(network, task, examples))
    whole = examples.batch(np.arange(150), None)
    with torch.no_grad():
        expected = network.eval()(whole.inputs).double().softmax(1).numpy()
    np.testing.assert_allclose(probabilities, expected, atol=1e-6)
    chosen = probabilities[np.arange(150), whole.targets.numpy()]
    assert task.loss(network(whole.inputs), whole.targets).item() == pytest.approx(-np.log(chosen).mean(), rel=1e-5)
    found = held_out_loss(network, task, examples)
    assert found == pytest.approx(best_temperature(np.log(probabilities).astype(np.float32), whole.targets.numpy())[1])
    assert found < -np.log(chosen).mean()


@pytest.mark.parametrize("most", [1, 7, 30])
def test_where_memory_runs_out_batches_are_halved_and_nothing_else_changes(
    most: int, make_network: Callable[..., Network], make_examples: Callable[..., InputExamples]
) -> None:
    network, examples, task = make_network(), make_examples(150), Classification(3)
    expected = np.concatenate(answers(network, task, examples)), held_out_loss(network, task, examples)
    whole, sizes = network.forward, []

    def forward(inputs: Tensor, *given: object) -> Tensor:
        sizes.append(len(inputs))
        if len(inputs) > most:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return whole(inputs, *given)

    network.forward = forward  # type: ignore[method-assign]
    np.testing.assert_allclose(np.concatenate(answers(network, task, examples)), expected[0], atol=1e-6)
    assert held_out_loss(network, task, examples) == pytest.approx(expected[1], rel=1e-5)
    assert max(sizes) == 64 and sum(size for size in sizes if size <= most) == 2 * 150


def test_where_not_even_one_example_has_room_the_error_says_what_to_do(
    make_network: Callable[..., Network], make_examples: Callable[..., InputExamples]
) -> None:
    network = make_network()

    def forward(*given: object) -> Tensor:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes.")

    network.forward = forward  # type: ignore[method-assign]
    with pytest.raises(EngineError, match="Expected memory for at least one example of a batch of 64"):
        answers(network, Classification(3), make_examples(5))
