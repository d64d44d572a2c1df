"""Computing in smaller parts where memory runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import torch

from headstart.core.errors import EngineError

#: How torch's allocators word it where they raise nothing more telling than a ``RuntimeError``.
_WORDINGS = ("not enough memory", "out of memory", "can't allocate memory")


class UnlessOutOfMemory:
    """Lets a block end without a word where memory ran out in it; every other error goes through.

    Example:
        >>> def compute():
        ...     with UnlessOutOfMemory():
        ...         raise MemoryError
        ...     return "in smaller parts"
        >>> compute()
        'in smaller parts'
    """

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        return error is not None and is_out_of_memory(error)


@contextmanager
def named_out_of_memory(batch_size: int) -> Iterator[None]:
    """Turns running out of memory where no smaller part helps, as in the optimizer's own state, into a kind error.

    Raises:
        EngineError: Memory ran out inside the block.
    """
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise no_room(batch_size) from error
        raise


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or on the CPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(wording in str(error).lower() for wording in _WORDINGS)


def free_memory() -> None:
    """Gives back what a GPU's allocator holds in reserve."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()


def no_room(batch_size: int) -> EngineError:
    """What to raise where one example at a time is too much already."""
    return EngineError(
        f"Expected memory for at least one example of a batch of {batch_size} at a time, but it ran out; close other "
        "programs, choose a smaller backbone or a boundary further up, or use a machine with more memory."
    )
