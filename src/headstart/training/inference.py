"""A network's loss and answers on examples it does not learn from: evaluation mode, float32, no chance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from headstart.tasks.contract import Task
from headstart.training.examples import Batch, Examples
from headstart.training.network import Network

_BATCH = 64


def mean_loss(network: Network, task: Task, examples: Examples) -> float:
    """The task's loss, averaged over all examples."""
    total = sum(batch_loss(network, task, batch) * batch.size for batch in _in_order(examples))
    return total / len(examples)


def batch_loss(network: Network, task: Task, batch: Batch) -> float:
    """The task's loss on a batch."""
    network.eval()
    with torch.inference_mode():
        return task.loss(network(batch.inputs, batch.targets), batch.targets).item()


def answers(network: Network, task: Task, examples: Examples) -> list[Any]:
    """The task's decoded answers, batch by batch, in the order of the examples."""
    network.eval()
    with torch.inference_mode():
        return [task.decode(network(batch.inputs)) for batch in _in_order(examples)]


def _in_order(examples: Examples) -> Iterator[Batch]:
    for start in range(0, len(examples), _BATCH):
        yield examples.batch(np.arange(start, min(start + _BATCH, len(examples))), None)
