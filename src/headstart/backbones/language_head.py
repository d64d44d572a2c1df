"""The output layer that a source model was pretrained with, out of what its weights hold beside the backbone.

Its parts have the names that :class:`headstart.tasks.language_head.LanguageHead` gives them. Every family of
transformers calls them otherwise, and every one means the same: a dense layer, a norm and a bias for masked models, or
nothing but a matrix, which as a rule is that of the token embeddings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.converted import LANGUAGE_HEAD
from headstart.core.tensors import read_tensors

#: Endings of the names in transformers to our names. ``decoder``, ``vocab_projector`` and ``lm_head`` are the matrix.
_NAMES = {
    r"cls\.predictions\.transform\.dense\.(weight|bias)": "transform.0.{}",
    r"cls\.predictions\.transform\.LayerNorm\.(weight|bias)": "transform.2.{}",
    r"cls\.predictions\.bias": "bias",
    r"cls\.predictions\.decoder\.weight": "output",
    r"(?:lm_head|lm_predictions\.lm_head)\.dense\.(weight|bias)": "transform.0.{}",
    r"(?:lm_head\.layer_norm|lm_predictions\.lm_head\.LayerNorm)\.(weight|bias)": "transform.2.{}",
    r"(?:lm_head|lm_predictions\.lm_head)\.bias": "bias",
    r"lm_head\.decoder\.weight": "output",
    r"vocab_transform\.(weight|bias)": "transform.0.{}",
    r"vocab_layer_norm\.(weight|bias)": "transform.2.{}",
    r"vocab_projector\.bias": "bias",
    r"vocab_projector\.weight": "output",
    r"generator_predictions\.dense\.(weight|bias)": "transform.0.{}",
    r"generator_predictions\.LayerNorm\.(weight|bias)": "transform.2.{}",
    r"generator_lm_head\.bias": "bias",
    r"generator_lm_head\.weight": "output",
    r"lm_head\.weight": "output",
}
_DENSE, _BIAS, _OUTPUT = "transform.0.weight", "bias", "output"


def language_head_arrays(
    tensors: Mapping[str, NDArray[Any]], embedding: NDArray[Any] | None = None
) -> dict[str, NDArray[Any]] | None:
    """The output layer in a file of weights; ``None`` where there is none, or nothing but tied embeddings.

    Args:
        tensors: All that the file holds, under the names of transformers.
        embedding: The token embeddings ``(V, D)``; an output matrix that equals them is tied to them and left out.

    Example:
        >>> found = language_head_arrays({"lm_head.weight": np.ones((3, 2), np.float32)})
        >>> list(found)
        ['output']
    """
    found = {}
    for name, values in tensors.items():
        for pattern, ours in _NAMES.items():
            if match := re.fullmatch(pattern, _modern(name)):
                found[ours.format(*match.groups())] = np.asarray(values, dtype=np.float32)
    if _OUTPUT in found and embedding is not None and np.array_equal(found[_OUTPUT], embedding):
        del found[_OUTPUT]
    return found if _OUTPUT in found or {_DENSE, _BIAS} <= found.keys() else None


def read_language_head(folder: Path) -> dict[str, NDArray[Any]] | None:
    """What was kept beside a converted backbone; ``None`` where there is nothing."""
    path = folder / LANGUAGE_HEAD
    return read_tensors(path) if path.is_file() else None


def _modern(name: str) -> str:
    """The oldest files call a norm's weight and bias gamma and beta."""
    return re.sub(r"gamma$", "weight", re.sub(r"beta$", "bias", name))
