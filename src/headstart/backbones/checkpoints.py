"""Reading weights that somebody gives us, and fitting them to an architecture, in the open."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from headstart.backbones.source_classifier import SourceClassifier
from headstart.core.errors import UsageError, WeightsError
from headstart.core.tensors import check_finite, check_shapes, read_tensors

if TYPE_CHECKING:
    from torch import nn

Tensors = Mapping[str, NDArray[Any]]

_WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model")
_PARALLEL = "module."

#: Batch norm counts its batches; torch before 0.4.1 did not, and nothing in evaluation reads the count.
_COUNTER = ".num_batches_tracked"


@dataclass(frozen=True, slots=True)
class Installed:
    """What became of a file of weights.

    Attributes:
        notes: What was unwrapped, mapped, added and left out, in words.
        classifier: What the source model puts on its pooled features, where the file brings it.
    """

    notes: tuple[str, ...]
    classifier: SourceClassifier | None


def install_file(path: Path, model: nn.Module, *, size: int) -> Installed:
    """Reads a file and puts its tensors into a headless model, all that the model has or none.

    Args:
        path: See :func:`read_checkpoint`.
        model: The source model without its classifier.
        size: Side of its square input, in pixels.

    Raises:
        WeightsError: The file is unsafe or broken, or does not fit.
    """
    tensors, unwrapped = read_checkpoint(path)
    tensors, dropped = _without_auxiliary_heads(tensors, model)
    fitted, mapped = fit_to_model(path, tensors, model)
    install(path, fitted, model)
    classifier = _classifier_left(tensors, fitted, model, size)
    return Installed((*unwrapped, *dropped, *mapped), classifier)


def read_checkpoint(path: Path) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Reads a safetensors file or a torch checkpoint that holds nothing but tensors and plain values.

    Which of the two it is, is told by its bytes; a file that calls itself ``.safetensors`` must be one. A
    checkpoint is opened by ``torch.load(weights_only=True)`` alone: what that refuses stays refused.

    Args:
        path: The file.

    Returns:
        Name to array (half precision becomes float32), and notes on what was unwrapped.

    Raises:
        UsageError: There is no such file.
        WeightsError: The file is broken, of another format, or would run code.
    """
    if not path.is_file():
        raise UsageError(f"Expected a file with weights, but there is none at {path}.")
    if path.suffix == ".safetensors" or not _is_torch_checkpoint(path):
        return read_tensors(path), []
    tensors, notes = _unwrapped(path, _load_weights_only(path))
    check_finite(path, tensors)
    return tensors, notes


def fit_to_model(path: Path, tensors: Tensors, model: nn.Module) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Finds the tensors of a headless model in a checkpoint.

    Where all names are there, they count. Where names differ but all shapes agree in order, tensors are taken
    in order, unless that would give a name another tensor than its own (of its name and shape). A classifier's
    weight and bias may be left over: the source's own classifier by name, or the last two tensors where they were
    taken in order. A file without any of batch norm's counters is given those of the model.

    Args:
        path: For messages.
        tensors: The checkpoint.
        model: The source model without its classifier.

    Returns:
        The model's names to arrays, and notes on what was mapped and left.

    Raises:
        WeightsError: Lists missing, unexpected and differently shaped tensors.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if in_order := _in_order(tensors, expected):
        return in_order
    counters = _missing_counters(tensors, model)
    notes = [f"added {len(counters)} counters of batch norm, which old files lack"] if counters else []
    expected = {name: shape for name, shape in expected.items() if name not in counters}
    if counters and (in_order := _in_order(tensors, expected)):
        return {**in_order[0], **counters}, [*notes, *in_order[1]]
    left = [name for name in tensors if name not in expected and name.startswith(_classifiers(model))]
    kept = {name: values for name, values in tensors.items() if name not in left}
    check_shapes(path, {name: values.shape for name, values in kept.items()}, expected)
    notes += [f"left the classifier out ({', '.join(left)})"] if left else []
    return {**kept, **counters}, notes


def install(path: Path, tensors: Tensors, model: nn.Module) -> None:
    """Puts tensors into a model whose names and shapes they must be, all of them and no others.

    Raises:
        WeightsError: Names or shapes differ.
    """
    import torch

    expected = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    check_shapes(path, {name: values.shape for name, values in tensors.items()}, expected)
    model.load_state_dict({name: torch.from_numpy(values) for name, values in tensors.items()})


def _is_torch_checkpoint(path: Path) -> bool:
    with path.open("rb") as stream:
        start = stream.read(4)
    return start == b"PK\x03\x04" or (start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"))


def _load_weights_only(path: Path) -> Any:
    import torch

    try:
        if zipfile.is_zipfile(path):
            _check_archive(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the pickle protocol is of no concern to the user
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise WeightsError(
            f"Expected {path} to be an intact checkpoint of tensors and plain values, but "
            f"torch.load(weights_only=True) refused it ({reason[:200]}); it is broken, or a pickle that "
            "would run code. It is never opened in a less safe way: get it again, or as safetensors."
        ) from error


def _check_archive(path: Path) -> None:
    """torch.save does not compress: an archive that unpacks to more than its size is something else."""
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(entry.file_size for entry in archive.infolist())
    if unpacked > path.stat().st_size:
        raise ValueError(f"its entries unpack to {unpacked:,} bytes, more than the file has")


def _unwrapped(path: Path, content: Any) -> tuple[dict[str, NDArray[Any]], list[str]]:
    import torch

    notes = []
    for key in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            notes.append(f"unwrapped {key!r}")
    if not isinstance(content, dict) or not content:
        raise WeightsError(f"Expected {path} to hold a dictionary of tensors, but got {type(content).__name__}.")
    if other := [str(name) for name, value in content.items() if not isinstance(value, torch.Tensor)]:
        raise WeightsError(f"Expected {path} to hold tensors alone, but {', '.join(other[:20])} are none.")
    if all(name.startswith(_PARALLEL) for name in content):
        content = {name.removeprefix(_PARALLEL): value for name, value in content.items()}
        notes.append(f"removed the prefix {_PARALLEL!r}")
    return {name: _as_array(value) for name, value in content.items()}, notes


def _as_array(tensor: Any) -> NDArray[Any]:
    plain = tensor.detach()
    array: NDArray[Any] = (plain.float() if plain.is_floating_point() else plain).contiguous().numpy()
    return array


def _without_auxiliary_heads(
    tensors: dict[str, NDArray[Any]], model: nn.Module
) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """Without the heads that only training uses; our builders name them (``auxiliary``)."""
    heads = tuple(f"{name}." for name in getattr(model, "auxiliary", ()))
    kept = {name: values for name, values in tensors.items() if not f"{name}.".startswith(heads)}
    count = len(tensors) - len(kept)
    return kept, [f"left {count} tensors of auxiliary heads out"] if count else []


def _missing_counters(tensors: Tensors, model: nn.Module) -> dict[str, NDArray[Any]]:
    if any(name.endswith(_COUNTER) for name in tensors):
        return {}
    return {name: tensor.numpy() for name, tensor in model.state_dict().items() if name.endswith(_COUNTER)}


def _classifier_left(tensors: Tensors, fitted: Tensors, model: nn.Module, size: int) -> SourceClassifier | None:
    """The two tensors that the model did not take, where they are ``(S, features)`` and ``(S,)``."""
    taken = {id(values) for values in fitted.values()}
    left = [values for values in tensors.values() if id(values) not in taken]
    if len(left) != 2 or left[0].shape != (*left[1].shape, _pooled_size(model, size)):
        return None
    return SourceClassifier(left[0].astype(np.float32), left[1].astype(np.float32))


def _pooled_size(model: nn.Module, size: int) -> int:
    import torch

    with torch.inference_mode():
        return int(model(torch.zeros(1, 3, size, size)).shape[-1])


def _classifiers(model: nn.Module) -> tuple[str, ...]:
    """Names of the classifiers that were removed: by our builders' word (``removed``) or by timm's."""
    named = getattr(model, "removed", None) or (getattr(model, "pretrained_cfg", None) or {}).get("classifier") or ()
    return tuple(f"{name}." for name in ((named,) if isinstance(named, str) else named))


def _in_order(
    tensors: Tensors, expected: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, NDArray[Any]], list[str]] | None:
    if expected.keys() <= tensors.keys():
        return None
    names = list(tensors)
    taken, left = names[: len(expected)], names[len(expected) :]
    pairs = dict(zip(expected, taken, strict=False))
    agree = len(taken) == len(expected) and all(
        tensors[theirs].shape == expected[ours] and (ours == theirs or not _claimed(tensors, ours, expected[ours]))
        for ours, theirs in pairs.items()
    )
    if not agree or len(left) not in (0, 2) or any(tensors[name].ndim > 2 for name in left):
        return None
    renamed = [f"{theirs} to {ours}" for ours, theirs in pairs.items() if ours != theirs]
    notes = [f"mapped {len(renamed)} tensors in order, {renamed[0]} and so on"]
    if left:
        notes.append(f"took the last two for the classifier and left them out ({', '.join(left)})")
    return {ours: tensors[theirs] for ours, theirs in pairs.items()}, notes


def _claimed(tensors: Tensors, name: str, shape: tuple[int, ...]) -> bool:
    """Whether the file has a tensor of this very name; with another shape the name means something else there."""
    return name in tensors and tensors[name].shape == shape
