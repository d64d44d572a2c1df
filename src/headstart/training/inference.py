"""A network's loss and answers on examples it does not learn from: evaluation mode, float32, no chance."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headstart.tasks.contract import Task
from headstart.training.examples import Batch, Examples
from headstart.training.memory import UnlessOutOfMemory, free_memory, no_room
from headstart.training.network import Network

_BATCH = 64


def held_out_loss(network: Network, task: Task, examples: Examples) -> float:
    """The task's held-out loss over all examples."""
    outputs, targets = [], []
    for batch, found in _in_order(network, examples, with_targets=True):
        outputs.append(_on_cpu(found))
        targets.append(_on_cpu(batch.targets))
    return task.held_out_loss(outputs, targets)


def answers(network: Network, task: Task, examples: Examples) -> list[Any]:
    """The task's decoded answers, batch by batch, in the order of the examples."""
    return [task.decode(outputs) for _, outputs in _in_order(network, examples, with_targets=False)]


def forward(network: Network, batch: Batch, *, with_targets: bool) -> Any:
    """The head's outputs for a batch."""
    network.eval()
    with torch.inference_mode():
        return network(batch.inputs, batch.targets if with_targets else None, batch.start, batch.context)


def _in_order(network: Network, examples: Examples, *, with_targets: bool) -> Iterator[tuple[Batch, Any]]:
    """Batch after batch with its outputs; where memory runs out, the batches are halved from there on."""
    begin, size = 0, _BATCH
    while begin < len(examples):
        rows = np.arange(begin, min(begin + size, len(examples)))
        found = _attempt(network, examples, rows, with_targets=with_targets)
        if found is not None:
            yield found
            begin += len(rows)
        elif len(rows) == 1:
            raise no_room(_BATCH)
        else:
            size = len(rows) // 2
            free_memory()


def _attempt(
    network: Network, examples: Examples, rows: NDArray[np.int64], *, with_targets: bool
) -> tuple[Batch, Any] | None:
    """A batch and its outputs; ``None`` where there is no room for it."""
    with UnlessOutOfMemory():
        batch = examples.batch(rows, None)
        return batch, forward(network, batch, with_targets=with_targets)
    return None


def _on_cpu(values: Any) -> Any:
    return values.cpu() if isinstance(values, Tensor) else values
