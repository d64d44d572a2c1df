"""Reading and fitting weights that somebody gives us; what is unsafe or broken is in tests/faults."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from headstart.backbones.architectures import build
from headstart.backbones.checkpoints import fit_to_model, install, install_file, read_checkpoint
from headstart.core.errors import UsageError, WeightsError


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return build("timm", "resnet18", 64, seed=1)


@pytest.fixture(scope="module")
def full(model: nn.Module) -> dict[str, Tensor]:
    """A checkpoint as people have them: with a classifier."""
    return {**model.state_dict(), "fc.weight": torch.ones(10, 512), "fc.bias": torch.ones(10)}


def loaded(path: Path, model: nn.Module) -> tuple[nn.Module, str]:
    fresh = build("timm", "resnet18", 64, seed=2)
    tensors, unwrapped = read_checkpoint(path)
    fitted, mapped = fit_to_model(path, tensors, fresh)
    install(path, fitted, fresh)
    state = model.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in fresh.state_dict().items())
    return fresh, "; ".join([*unwrapped, *mapped])


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model_state", "model"])
def test_torch_checkpoints_are_unwrapped(
    tmp_path: Path, model: nn.Module, full: dict[str, Tensor], wrapper: str | None, legacy: bool
) -> None:
    path = tmp_path / "weights.pth"
    content = {wrapper: full, "epoch": 3} if wrapper else full
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    _, notes = loaded(path, model)
    assert (f"unwrapped {wrapper!r}" in notes) == bool(wrapper)
    assert "fc.weight, fc.bias" in notes


def test_the_prefix_of_parallel_training_is_removed(tmp_path: Path, model: nn.Module, full: dict[str, Tensor]) -> None:
    path = tmp_path / "weights.bin"
    torch.save({f"module.{name}": tensor for name, tensor in full.items()}, path)
    assert "removed the prefix 'module.'" in loaded(path, model)[1]


def test_safetensors_are_told_by_their_bytes(tmp_path: Path, model: nn.Module, full: dict[str, Tensor]) -> None:
    for name in ("weights.safetensors", "weights"):
        save_file(full, tmp_path / name)
        loaded(tmp_path / name, model)


def test_half_precision_becomes_float32(tmp_path: Path) -> None:
    values = torch.randn(5)
    for name, write in (("w.safetensors", save_file), ("w.pt", torch.save)):
        write({"a": values.bfloat16(), "b": values.half()}, tmp_path / name)
        tensors, _ = read_checkpoint(tmp_path / name)
        np.testing.assert_array_equal(tensors["a"], values.bfloat16().float())
        np.testing.assert_array_equal(tensors["b"].astype(np.float32), values.half().float())


@pytest.mark.parametrize("with_classifier", [False, True])
def test_other_names_are_mapped_in_order_and_said(
    tmp_path: Path, model: nn.Module, full: dict[str, Tensor], with_classifier: bool
) -> None:
    path = tmp_path / "weights.pt"
    source = full if with_classifier else model.state_dict()
    torch.save({f"tensor{index}": tensor for index, tensor in enumerate(source.values())}, path)
    notes = loaded(path, model)[1]
    assert "mapped 120 tensors in order, tensor0 to conv1.weight and so on" in notes
    assert ("tensor120, tensor121" in notes) == with_classifier


def test_order_never_overrules_a_name(tmp_path: Path, model: nn.Module) -> None:
    """Two tensors of one shape have changed places and a third has another name: order would be wrong."""
    names = list(model.state_dict())
    first, second = names.index("layer1.0.conv1.weight"), names.index("layer1.0.conv2.weight")
    names[first], names[second] = names[second], names[first]
    renamed = {("other" if name == "bn1.weight" else name): model.state_dict()[name] for name in names}
    path = tmp_path / "weights.pt"
    torch.save(renamed, path)
    with pytest.raises(WeightsError, match=r"(?s)missing: bn1.weight .*unexpected: other"):
        loaded(path, model)


def test_a_name_that_means_something_else_in_the_file_is_no_hindrance(tmp_path: Path, model: nn.Module) -> None:
    """Here ``layer1.0.bn1.weight`` is what the model calls ``layer1.0.conv1.weight``: the shape tells."""
    state = model.state_dict()
    names = {"layer1.0.conv1.weight": "layer1.0.bn1.weight", "layer1.0.bn1.weight": "layer1.0.norm.weight"}
    path = tmp_path / "weights.pt"
    torch.save({names.get(name, name): tensor for name, tensor in state.items()}, path)
    assert "mapped 2 tensors in order, layer1.0.bn1.weight to layer1.0.conv1.weight" in loaded(path, model)[1]


@pytest.mark.parametrize("prefix", ["", "other."])
def test_old_files_lack_the_counters_of_batch_norm(
    tmp_path: Path, model: nn.Module, full: dict[str, Tensor], prefix: str
) -> None:
    path = tmp_path / "weights.pt"
    old = {f"{prefix}{name}": tensor for name, tensor in full.items() if not name.endswith("num_batches_tracked")}
    torch.save(old, path)
    assert "added 20 counters of batch norm" in loaded(path, model)[1]
    old.pop(f"{prefix}bn1.running_mean")
    torch.save(old, path)
    with pytest.raises(WeightsError, match=r"missing: bn1\.running_mean"):
        loaded(path, model)


@pytest.mark.parametrize(("shape", "kept"), [((10, 512), True), ((10, 511), False), ((10,), False)])
def test_what_fits_on_the_features_is_the_classifier(
    tmp_path: Path, full: dict[str, Tensor], shape: tuple[int, ...], kept: bool
) -> None:
    path = tmp_path / "weights.pt"
    torch.save({**full, "fc.weight": torch.randn(shape), "fc.bias": torch.arange(10)}, path)
    classifier = install_file(path, build("timm", "resnet18", 64), size=64).classifier
    assert (classifier is not None) == kept
    if classifier is not None:
        assert classifier.bias.tolist() == list(range(10))


def test_what_is_no_classifier_is_not_left_out(tmp_path: Path, model: nn.Module, full: dict[str, Tensor]) -> None:
    path = tmp_path / "weights.pt"
    torch.save({**full, "layer5.0.conv1.weight": torch.ones(1)}, path)
    with pytest.raises(WeightsError, match=r"unexpected: layer5\.0\.conv1\.weight"):
        loaded(path, model)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing_here"):
        read_checkpoint(tmp_path / "nothing_here.pth")
