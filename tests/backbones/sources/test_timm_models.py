"""timm's catalogue; no test here asks the network for anything."""

import time
from pathlib import Path

import pytest
import timm
import torch
from huggingface_hub import constants
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import save_file

from headstart.backbones.architectures import build
from headstart.backbones.conversion import open_source
from headstart.backbones.sources import timm_models
from headstart.backbones.sources.contract import Request
from headstart.backbones.sources.timm_models import TimmSource, timm_blueprint
from headstart.core.errors import UnavailableError, UnknownNameError, WeightsError

NAME = "timm:resnet18.a1_in1k"


@pytest.fixture
def empty_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub cache with nothing in it, and a hub that refuses every connection."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


@pytest.fixture
def cached_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of random weights that the hub's client finds in its cache."""
    path = tmp_path / "model.safetensors"
    save_file(timm.create_model("resnet18").state_dict(), path)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: str(path))
    return path


def test_the_blueprint_is_what_timm_prepares_its_models_with() -> None:
    blueprint = timm_blueprint("resnet50.a1_in1k")
    config = timm.data.resolve_data_config(pretrained_cfg=timm.get_pretrained_cfg("resnet50.a1_in1k").to_dict())
    preprocess = blueprint.preprocess
    assert (3, preprocess.size, preprocess.size) == config["input_size"]
    assert (preprocess.crop, preprocess.interpolation) == (config["crop_pct"], config["interpolation"])
    assert (preprocess.mean, preprocess.std) == (config["mean"], config["std"])
    assert blueprint.architecture == "resnet50"
    assert blueprint.paper == "arXiv:2110.00476"
    assert blueprint.licence == "apache-2.0"


def test_cached_weights_are_loaded_whole(cached_file: Path) -> None:
    model = build("timm", "resnet18", 224, seed=9)
    provenance = TimmSource().load(Request.parse(NAME), model)
    expected = timm.create_model("resnet18", checkpoint_path=str(cached_file)).state_dict()
    assert all(torch.equal(expected[name], tensor) for name, tensor in model.state_dict().items())
    assert provenance.pretraining == "ImageNet-1k"
    assert len(provenance.pretraining_classes) == 1000


def test_weights_of_another_shape_are_refused(cached_file: Path) -> None:
    state = timm.create_model("resnet18").state_dict()
    del state["layer2.0.conv1.weight"]
    save_file(state, cached_file)
    with pytest.raises(WeightsError, match=r"layer2\.0\.conv1\.weight"):
        open_source(Request.parse(NAME))


def test_a_broken_file_is_refused_before_timm_sees_it(cached_file: Path) -> None:
    cached_file.write_bytes(cached_file.read_bytes()[:-1])
    with pytest.raises(WeightsError, match=str(cached_file)):
        open_source(Request.parse(NAME))


@pytest.mark.usefixtures("empty_hub")
def test_without_a_network_it_fails_fast_and_names_the_way_out() -> None:
    begun = time.monotonic()
    with pytest.raises(UnavailableError, match=r"out of reach.*--random-weights"):
        timm_models.fetch("timm/resnet18.a1_in1k", "model.safetensors")
    assert time.monotonic() - begun < timm_models.PATIENCE + 2


@pytest.mark.usefixtures("empty_hub")
def test_offline_mode_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(timm_models, "_check_reachable", lambda *_: pytest.fail("the network was asked"))
    with pytest.raises(UnavailableError, match="HF_HUB_OFFLINE"):
        timm_models.fetch("timm/resnet18.a1_in1k", "model.safetensors")


@pytest.mark.usefixtures("empty_hub")
def test_a_hub_that_breaks_off_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def download(*_: object, local_files_only: bool = False, **__: object) -> str:
        raise LocalEntryNotFoundError("not cached") if local_files_only else TimeoutError("stalled")

    monkeypatch.setattr("huggingface_hub.hf_hub_download", download)
    monkeypatch.setattr(timm_models, "_check_reachable", lambda *_: None)
    with pytest.raises(UnavailableError, match="TimeoutError"):
        timm_models.fetch("timm/resnet18.a1_in1k", "model.safetensors")


def test_random_weights_need_no_file() -> None:
    _, card = open_source(Request.parse("timm:mobilenetv2_100", random_weights=True))
    assert card.pretraining == "none (random weights)"
    assert card.paper.startswith("Sandler")


@pytest.mark.parametrize(("name", "near"), [("resnet19", "resnet18"), ("resnet18.a9_in1k", r"resnet18\.a1_in1k")])
def test_unknown_names_are_told_the_nearest(name: str, near: str) -> None:
    with pytest.raises(UnknownNameError, match=near):
        timm_blueprint(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("convnext_base.clip_laion2b_augreg_ft_in12k_in1k_384", "crop mode 'squash'"),
        ("vit_base_patch16_sapiens2.fb", "an input of"),
    ],
)
def test_inputs_that_cannot_be_prepared_are_refused(name: str, reason: str) -> None:
    with pytest.raises(UnavailableError, match=reason):
        timm_blueprint(name)


@pytest.mark.parametrize(
    ("tag", "pretraining", "classes"),
    [
        ("augreg_in21k_ft_in1k", "ImageNet-21k, then ImageNet-1k", 21843),
        ("tv_in1k", "ImageNet-1k", 1000),
        ("lvd142m", "unknown (timm tag 'lvd142m')", 0),
    ],
)
def test_the_tag_tells_the_pretraining(tag: str, pretraining: str, classes: int) -> None:
    found = timm_models._pretraining(tag)
    assert (found[0], len(found[1])) == (pretraining, classes)
