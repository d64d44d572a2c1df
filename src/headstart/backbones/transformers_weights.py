"""Weights of transformers: brought to the library's present names by the library itself, all of them or none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import nn
from transformers.utils import logging

from headstart.backbones.source_classifier import SourceClassifier
from headstart.core.errors import WeightsError

_CLASSIFIER = "classifier."

#: Ends of names that old files hold and nothing reads: what hides patches in pretraining on masked pictures (without a
#: mask it is not used), and what the library now computes: numbers of positions, causal masks, rotary frequencies.
_UNREAD = ("mask_token", "position_ids", "attn.bias", "attn.masked_bias", "rotary_emb.inv_freq")


@dataclass(frozen=True, slots=True)
class Filled:
    """What became of a file of weights.

    Attributes:
        source: The library's own model that the file was read into.
        left: Names of the file's tensors that the backbone does not have.
        unfilled: Names of the library's tensors that the file did not fill.
    """

    source: Any
    left: list[str]
    unfilled: list[str]


def load_vision_weights(
    path: Path, tensors: Mapping[str, NDArray[Any]], config: Any, model: nn.Module
) -> tuple[SourceClassifier | None, list[str]]:
    """Puts a file's tensors into a headless vision model.

    Args:
        path: The file, for messages.
        tensors: What it holds, under whatever names the library once gave them.
        config: The configuration beside the file.
        model: From :func:`headstart.backbones.transformers_vision.build_transformers`.

    Returns:
        The source's own classifier where it is one linear layer on the pooled features, and the names of the file's
        tensors that the backbone does not have.

    Raises:
        WeightsError: Tensors of the backbone are missing, too many or of another shape.
    """
    classifies = any(name.startswith(_CLASSIFIER) for name in tensors)
    models = transformers.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING if classifies else transformers.MODEL_MAPPING
    found = models[type(config)]
    model_class = found[0] if isinstance(found, tuple) else found
    filled = fill(path, tensors, config, model, model_class)
    trained = not any(name.startswith(_CLASSIFIER) for name in filled.unfilled)
    return _classifier(filled.source) if trained else None, filled.left


def fill(
    path: Path,
    tensors: Mapping[str, NDArray[Any]],
    config: Any,
    model: nn.Module,
    model_class: Any,
    *,
    inner: str = "",
) -> Filled:
    """Puts a file's tensors into a model by way of the library's own class.

    Args:
        path: The file, for messages.
        tensors: What it holds, under whatever names the library once gave them.
        config: The configuration beside the file.
        model: The model to fill, without whatever head the library's class has.
        model_class: The library's class that reads the file.
        inner: Name of what the model is inside of that class without its head; empty where it is all of it.

    Raises:
        WeightsError: Tensors of the model are missing, too many or of another shape.
    """
    source, report = _through_the_library(path, tensors, config, model_class)
    expected = model.state_dict()
    prefixes = (f"{source.base_model_prefix}.", f"{inner}." if inner else "")
    absent, surplus, misshapen = (
        _names(report[f"{what}_keys"], prefixes) for what in ("missing", "unexpected", "mismatched")
    )
    ours = tuple(f"{name}." for name, _ in model.named_children())
    problems = [
        *(f"missing: {name}" for name in absent if name in expected),
        *(f"unexpected: {name}" for name in surplus if name.startswith(ours) and not name.endswith(_UNREAD)),
        *(f"of another shape: {name}" for name in misshapen if name in expected),
    ]
    if problems:
        more = f"\n  - and {len(problems) - 20} more" if len(problems) > 20 else ""
        listed = "\n".join(f"  - {problem}" for problem in problems[:20])
        raise WeightsError(f"Expected {path} to hold the weights that its config.json describes, but\n{listed}{more}")
    state = source.base_model.get_submodule(inner).state_dict()
    model.load_state_dict({name: state[name] for name in expected})
    left = sorted(name for name in {*surplus, *state} if name not in expected and name not in absent)
    return Filled(source, left, [*absent, *misshapen])


def _through_the_library(
    path: Path, tensors: Mapping[str, NDArray[Any]], config: Any, model_class: Any
) -> tuple[Any, dict[str, Iterable[Any]]]:
    """The library's own model with these weights, and what it says was missing, unexpected and of another shape."""
    try:
        with _silence():
            source, report = model_class.from_pretrained(
                None,
                config=config,
                state_dict={name: torch.from_numpy(values) for name, values in tensors.items()},
                dtype=torch.float32,
                ignore_mismatched_sizes=True,
                output_loading_info=True,
                local_files_only=True,
            )
    except Exception as error:  # whatever the library makes of tensors that are not those of its configuration
        reason = str(error).strip().partition("\n")[0][:200]
        raise WeightsError(
            f"Expected {path} to hold the weights that its config.json describes, but transformers could not use "
            f"them: {type(error).__name__} ({reason})."
        ) from error
    return source, report


def _names(keys: Iterable[Any], prefixes: Iterable[str]) -> list[str]:
    """Names without the backbone's prefixes; of what has another shape the library also tells the shapes."""
    plain = (key if isinstance(key, str) else str(key[0]) for key in keys)
    return sorted(reduce(str.removeprefix, prefixes, name) for name in plain)


def _classifier(source: Any) -> SourceClassifier | None:
    """The linear layer behind the pooled features, alone or behind a flattening."""
    head = getattr(source, "classifier", None)
    linear = head[-1] if isinstance(head, nn.Sequential) else head
    if not isinstance(linear, nn.Linear):
        return None
    weight = linear.weight.detach().numpy()
    bias = np.zeros(len(weight), np.float32) if linear.bias is None else linear.bias.detach().numpy()
    return SourceClassifier(weight, bias)


@contextmanager
def _silence() -> Iterator[None]:
    """The library reports on the terminal what is read from its answer here."""
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
