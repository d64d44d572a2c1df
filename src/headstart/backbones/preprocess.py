"""How an item becomes a backbone's input: a spec that travels with the weights, one kind for each way of preparing.

    content ──modality.prepare(content, spec)──► one input ──as_batch──► a batch ──spec.entrance()──► the first stage

What happens before the batch is NumPy and may be cached; what happens behind it is part of every engine's graph.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from headstart.core.errors import UnknownNameError, WeightsError
from headstart.core.registry import Registry

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

#: Fills up the shorter inputs of a batch; a place of a ragged batch is real where it is not this.
PADDING = -1
#: Ragged batches are as long as a multiple of this, so that an engine meets few shapes.
LENGTH_STEP = 8

_SHA256 = re.compile("[0-9a-f]{64}")


class Preprocess(Protocol):
    """How a decoded item becomes a backbone's input; a frozen dataclass of plain JSON values."""

    #: What it prepares; a modality names the kinds that it can make inputs for.
    kind: ClassVar[str]

    @property
    def size(self) -> int:
        """The input's size: pixels along a side, the most tokens, samples or frames."""

    @property
    def axes(self) -> tuple[int, ...]:
        """Axes of one input; ``(-1,)`` where it is a row of integers whose length differs from item to item.

        Then the context has a place for each of them too, negative where there is padding: pooling leaves it out.
        """

    @property
    def has_context(self) -> bool:
        """Whether stages need more than the hidden state; see :meth:`entrance`."""

    @property
    def assets(self) -> Mapping[str, str]:
        """Files that preparing needs beside the spec, such as a tokenizer: name to sha256."""

    def random_inputs(self, count: int, *, seed: int = 0) -> NDArray[Any]:
        """A batch of noise, for trials and checks."""

    def fitted_to(self, batches: Iterable[NDArray[Any]]) -> Self:
        """The same for a network that is trained from random weights on these batches: scaled as they ask for."""

    def entrance(self) -> nn.Module:
        """From a batch (a tensor) to what enters the first stage, and the context; imports torch.

        The context is everything else that stages need, as one tensor ``(N, ...)``, or ``None``. It is rebuilt from
        the batch each time and never cached: for texts it is the batch of tokens itself, from which a stage sees where
        there is padding, what is where, and which of two texts a token belongs to.
        """


#: Kind of preprocessing to its class.
PREPROCESSES: Registry[type[Any]] = Registry(
    "kind of preprocessing",
    {
        "image": "headstart.backbones.card:ImagePreprocess",
        "text": "headstart.backbones.text_preprocess:TextPreprocess",
        "waveform": "headstart.backbones.sound_preprocess:WaveformPreprocess",
        "mel": "headstart.backbones.sound_preprocess:MelPreprocess",
    },
    group="headstart.preprocesses",
)


def preprocess_to_json(preprocess: Preprocess) -> dict[str, Any]:
    """As plain JSON values, its kind among them."""
    return {"kind": preprocess.kind, **asdict(preprocess)}  # type: ignore[call-overload]


def preprocess_from_json(values: Mapping[str, Any]) -> Preprocess:
    """The spec that :func:`preprocess_to_json` wrote; lists become tuples again.

    Raises:
        WeightsError: It is of a kind that is not known here, or these are not its values.
    """
    try:
        given = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        kind = str(given.pop("kind", "image"))  # before there were kinds, all were for pictures
        found: Preprocess = PREPROCESSES[kind](**given)
        _check(found)
    except (UnknownNameError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise WeightsError(
            f"Expected how a backbone's inputs are prepared, but got {error!r}; it was written by another version of "
            "headstart or by a part that is not installed, or is damaged. Make it again."
        ) from error
    return found


def _check(preprocess: Preprocess) -> None:
    """Values that come from a file may be anything; a name of a file, above all, must not lead anywhere else."""
    if not isinstance(preprocess.size, int) or preprocess.size < 1:
        raise ValueError(f"the size {preprocess.size!r}")
    for name, sha256 in preprocess.assets.items():
        if not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
            raise ValueError(f"{sha256!r} as the sha256 of {name}")


def is_ragged(values: NDArray[Any]) -> bool:
    """Whether an input is one of those whose length differs from item to item: a row of integers, such as tokens."""
    return values.ndim == 1 and values.dtype.kind == "i"


def longest_in(batch: NDArray[Any]) -> int:
    """The length that the longest item of a ragged batch needs, as a multiple of :data:`LENGTH_STEP`."""
    longest = int((batch != PADDING).sum(axis=1).max())
    return min(int(batch.shape[1]), -(-longest // LENGTH_STEP) * LENGTH_STEP)


def as_batch(inputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Inputs of several items as one batch; where they differ in length, filled up at the end with :data:`PADDING`.

    Example:
        >>> import numpy as np
        >>> as_batch([np.array([5, 6, 7]), np.array([8])]).tolist()
        [[5, 6, 7, -1, -1, -1, -1, -1], [8, -1, -1, -1, -1, -1, -1, -1]]
    """
    import numpy as np

    if not is_ragged(inputs[0]):
        return np.stack(inputs)
    longest = max(map(len, inputs))
    batch = np.full((len(inputs), -(-longest // LENGTH_STEP) * LENGTH_STEP), PADDING, dtype=inputs[0].dtype)
    for row, values in zip(batch, inputs, strict=True):
        row[: len(values)] = values
    return batch
