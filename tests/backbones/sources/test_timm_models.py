"""timm's catalogue; the only hub that is asked here is one of our own."""

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save
from tests.servers import TIMM_NAME as NAME
from tests.servers import TIMM_REPOSITORY as REPOSITORY
from tests.servers import HubServer, own_hub

from headstart.backbones.architectures import build
from headstart.backbones.conversion import open_source, open_with_provenance
from headstart.backbones.sources import timm_models
from headstart.backbones.sources.contract import Request
from headstart.backbones.sources.timm_models import TimmSource, timm_blueprint
from headstart.core.errors import UnavailableError, UnknownNameError, WeightsError


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub with random weights for one model."""
    with own_hub(tmp_path, monkeypatch) as hub:
        hub.commit(REPOSITORY, model__safetensors=save(state()))
        yield hub


def state() -> dict[str, torch.Tensor]:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        return timm.create_model("mobilenetv3_small_050").state_dict()


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


def test_weights_are_fetched_and_loaded_whole(hub: HubServer) -> None:
    model = build("timm", "mobilenetv3_small_050", 224, seed=9)
    provenance = TimmSource().load(Request.parse(NAME), model)
    expected = state()
    assert all(torch.equal(expected[name], tensor) for name, tensor in model.state_dict().items())
    assert provenance.pretraining == "ImageNet-1k"
    assert len(provenance.pretraining_classes) == 1000
    assert provenance.source == f"timm weights hub:{REPOSITORY}@{hub.commits[REPOSITORY]}/model.safetensors"
    assert provenance.file is not None
    assert provenance.file.bytes == len(hub.repositories[REPOSITORY, hub.commits[REPOSITORY]]["model.safetensors"])


@pytest.mark.usefixtures("hub")
def test_the_classifier_is_the_source_models_own() -> None:
    backbone, _, provenance = open_with_provenance(Request.parse(NAME))
    classifier = provenance.classifier
    whole = timm.create_model("mobilenetv3_small_050").eval()
    whole.load_state_dict(state())
    inputs = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = whole(inputs).softmax(dim=1).numpy()
        pooled = backbone(inputs).numpy()
    assert classifier is not None
    assert abs(classifier.probabilities(pooled) - expected).max() < 1e-5


class Halved(torch.nn.Module):
    """A model that changes its features before its classifier reads them."""

    pretrained_cfg = {"input_size": (3, 4, 4)}  # noqa: RUF012

    def __init__(self, between: float) -> None:
        super().__init__()
        self.between, self.fc = between, torch.nn.Linear(3, 5)

    def get_classifier(self) -> torch.nn.Module:
        return self.fc

    def reset_classifier(self, _: int) -> None:
        self.fc, self.between = torch.nn.Identity(), 1.0

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.fc(inputs.mean(dim=(2, 3)) * self.between)


def test_a_classifier_that_does_not_read_the_pooled_features_is_left_out() -> None:
    assert timm_models._take_classifier(Halved(1.0)) is not None
    assert timm_models._take_classifier(Halved(0.5)) is None


def test_weights_of_another_shape_are_refused(hub: HubServer) -> None:
    broken = state()
    del broken["blocks.1.0.conv_pw.weight"]
    hub.commit(REPOSITORY, model__safetensors=save(broken))
    with pytest.raises(WeightsError, match=r"blocks\.1\.0\.conv_pw\.weight"):
        open_source(Request.parse(NAME))


def test_a_broken_file_is_refused_before_timm_sees_it(hub: HubServer) -> None:
    hub.commit(REPOSITORY, model__safetensors=save(state())[:-1])
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        open_source(Request.parse(NAME))


def test_timm_itself_opens_no_file(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Timm 1.0.15, which is allowed, unpickles whatever a file holds."""
    stream = io.BytesIO()
    torch.save(state(), stream)
    hub.commit(REPOSITORY, pytorch_model__bin=stream.getvalue())
    monkeypatch.setattr("timm.models._builder.load_state_dict", lambda *_: pytest.fail("timm opened the file"))
    model = build("timm", "mobilenetv3_small_050", 224, seed=9)
    TimmSource().load(Request.parse(NAME), model)
    assert all(
        torch.equal(tensor, model.state_dict()[name]) for name, tensor in state().items() if "classif" not in name
    )


def test_where_weights_cannot_be_had_the_way_out_is_named(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UnavailableError, match=r"HF_HUB_OFFLINE.*--random-weights"):
        open_source(Request.parse(NAME))
    assert hub.asked == []


def test_weights_without_a_repository_come_from_their_address(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    address = hub.url("/mobilenet.safetensors", save(state()))
    config = timm.get_pretrained_cfg("mobilenetv3_small_050.lamb_in1k")
    config.hf_hub_id, config.url = None, address
    monkeypatch.setattr(timm_models, "_config", lambda _: config)
    _, card = open_source(Request.parse(NAME))
    assert card.source == f"timm weights {address}"
    config.url = None
    with pytest.raises(UnavailableError, match="timm names none"):
        open_source(Request.parse(NAME))


def test_what_torch_hub_keeps_is_used_in_place(hub: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content = save(state())
    name = f"mobilenet-{hashlib.sha256(content).hexdigest()[:8]}.safetensors"
    config = timm.get_pretrained_cfg("mobilenetv3_small_050.lamb_in1k")
    config.hf_hub_id, config.url = None, f"https://example.org/{name}"
    monkeypatch.setattr(timm_models, "_config", lambda _: config)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch_hub"))
    monkeypatch.setenv("HEADSTART_OFFLINE", "1")
    with pytest.raises(UnavailableError, match="HEADSTART_OFFLINE"):
        open_source(Request.parse(NAME))
    (tmp_path / "torch_hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "torch_hub" / "checkpoints" / name).write_bytes(content)
    assert open_source(Request.parse(NAME))[1].file.bytes == len(content)


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
        ("deepseek_vit_412m_enc.deepseek_v4_1_flash", "crop mode 'border'"),
        ("vit_base_patch16_sapiens2.fb", "an input of"),
    ],
)
def test_inputs_that_cannot_be_prepared_are_refused(name: str, reason: str) -> None:
    with pytest.raises(UnavailableError, match=reason):
        timm_blueprint(name)


def test_timms_squash_is_ours() -> None:
    name = "convnext_base.clip_laion2b_augreg_ft_in12k_in1k_384"
    assert timm_blueprint(name).preprocess.crop_mode == "squash"


@pytest.mark.parametrize(
    ("tag", "pretraining", "classes"),
    [
        ("augreg_in21k_ft_in1k", "ImageNet-21k, then ImageNet-1k", 21843),
        ("tv_in1k", "ImageNet-1k", 1000),
        ("lvd142m", "LVD-142M", 0),
        ("c1", "unknown (timm tag 'c1')", 0),
    ],
)
def test_the_tag_tells_the_pretraining(tag: str, pretraining: str, classes: int) -> None:
    found = timm_models._pretraining(tag)
    assert (found[0], len(found[1])) == (pretraining, classes)
