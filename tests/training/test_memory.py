import pytest
import torch

from headstart.training.memory import UnlessOutOfMemory, is_out_of_memory


def test_torchs_own_refusal_is_recognised() -> None:
    with pytest.raises(RuntimeError) as refused:
        torch.empty(2**60)
    assert is_out_of_memory(refused.value)


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory."), MemoryError(), RuntimeError("MPS backend: Not enough memory")],
)
def test_only_running_out_of_memory_is_passed_over(error: Exception) -> None:
    with UnlessOutOfMemory():
        raise error
    with pytest.raises(RuntimeError, match="shapes"), UnlessOutOfMemory():
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
    with pytest.raises(ValueError, match="out of memory"), UnlessOutOfMemory():
        raise ValueError("out of memory")
