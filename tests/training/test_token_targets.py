import numpy as np
import torch

from headstart.training.examples import Batch
from headstart.training.token_targets import TokenTargets

LENGTHS = (3, 5, 2)


class Ragged:
    """Examples of different lengths, filled up to a multiple of four."""

    def __len__(self) -> int:
        return len(LENGTHS)

    def batch(self, rows: np.ndarray, generator: torch.Generator | None) -> Batch:
        longest = -(-max(LENGTHS[row] for row in rows) // 4) * 4
        return Batch(torch.zeros(len(rows), longest, 6), None, len(rows), start=2, context=torch.ones(len(rows)))


def test_targets_are_filled_up_to_the_length_of_the_inputs() -> None:
    targets = [np.arange(length) for length in LENGTHS]
    examples = TokenTargets(Ragged(), targets, nothing=-100)
    assert len(examples) == 3
    batch = examples.batch(np.array([2, 0]), None)
    assert batch.targets.tolist() == [[0, 1, -100, -100], [0, 1, 2, -100]]
    assert (batch.start, batch.size, batch.targets.dtype) == (2, 2, torch.int64)
    assert batch.context is not None
    assert examples.batch(np.array([1]), None).targets.shape == (1, 8)
