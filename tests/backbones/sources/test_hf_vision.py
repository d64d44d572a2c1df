"""Models of transformers from folders and from the hub's cache; no test here asks the network for anything."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tests.backbones.sources.hf_models import SETTINGS, SIDE, change_json, classifier, save
from tests.servers import HubServer, own_hub

from headstart.backbones.catalog import open_backbone
from headstart.backbones.conversion import open_source, open_with_provenance
from headstart.backbones.sources.contract import Request
from headstart.backbones.sources.hf import HfSource
from headstart.core.errors import UnavailableError, UnknownNameError, WeightsError

LABELS = {0: "Ant", 1: "Bee", 2: "Cat", 3: "Dog", 4: "Eel"}


REPOSITORY = Request.parse("hf:somebody/insects")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name.replace(".", "__"): path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save(classifier("resnet", id2label=LABELS), tmp_path / "model")


def request(folder: Path) -> Request:
    return Request.parse(f"hf:{folder}")


@pytest.mark.parametrize("family", SETTINGS)
def test_backbone_and_classifier_give_the_source_models_own_answers(family: str, tmp_path: Path) -> None:
    source = classifier(family)
    backbone, card, provenance = open_with_provenance(request(save(source, tmp_path)))
    linear = provenance.classifier
    pictures = torch.rand(3, 3, SIDE, SIDE)
    with torch.inference_mode():
        expected = source(pictures).logits.softmax(dim=1).numpy()
        features = backbone(pictures).numpy()
    np.testing.assert_allclose(linear.probabilities(features), expected, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 1e-4  # the pictures are told apart at all
    assert card.preprocess.size == SIDE
    assert (card.library, card.file.bytes) == ("transformers", (tmp_path / "model.safetensors").stat().st_size)


def test_the_card_says_what_the_folder_says(folder: Path) -> None:
    (folder / "README.md").write_text("---\nlicense: mit\ndatasets:\n- imagenet-1k\n- my-insects\n---\n# Insects\n")
    converted = open_backbone(f"hf:{folder}")
    card = converted.card
    assert card.architecture == "resnet(depths=[1, 2], embedding_size=16, hidden_sizes=[16, 32], layer_type='basic')"
    assert (card.licence, card.pretraining) == ("mit", "ImageNet-1k, my-insects")
    assert card.pretraining_classes == ("ant", "bee", "cat", "dog", "eel")
    assert card.source == f"the folder {folder}"
    assert "He et al. 2016" in card.paper
    assert converted.source_classifier().weight.shape == (5, 32)
    with torch.inference_mode():
        found = converted.load()(torch.ones(1, 3, SIDE, SIDE))
        torch.testing.assert_close(found, open_source(request(folder))[0](torch.ones(1, 3, SIDE, SIDE)))


def test_once_converted_it_is_found_without_torch_and_transformers(folder: Path) -> None:
    open_backbone(f"hf:{folder}")
    program = (
        "import sys; from headstart.backbones.catalog import open_backbone\n"
        f"open_backbone('hf:{folder}')\n"
        "print(sorted({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"


def test_a_changed_folder_is_converted_again(folder: Path) -> None:
    before = HfSource().stamp(request(folder))
    change_json(folder / "preprocessor_config.json", image_mean=[0.1, 0.2, 0.3])
    assert HfSource().stamp(request(folder)) != before


def test_random_weights_are_drawn_for_the_same_architecture(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    backbone, card = open_source(Request.parse(f"hf:{folder}", random_weights=True, seed=4))
    assert card.pretraining == "none (random weights)"
    assert [stage.dim for stage in backbone.stages] == [16, 16, 32, 32, 32]


def test_without_a_classifier_there_is_none_and_a_pooler_is_left_out_and_named(tmp_path: Path) -> None:
    whole = transformers.ViTModel(classifier("vit").config).eval()
    backbone, card, provenance = open_with_provenance(request(save(whole, tmp_path)))
    linear = provenance.classifier
    assert linear is None
    assert card.pretraining_classes == ()
    assert card.source.endswith("(left out: pooler.dense.bias, pooler.dense.weight)")
    pictures = torch.rand(2, 3, SIDE, SIDE)
    with torch.inference_mode():
        torch.testing.assert_close(backbone(pictures), whole(pictures).last_hidden_state[:, 0])


def test_two_classifiers_of_a_distilled_model_are_not_one(tmp_path: Path) -> None:
    source = transformers.DeiTForImageClassificationWithTeacher(classifier("deit").config)
    _, card, provenance = open_with_provenance(request(save(source, tmp_path)))
    linear = provenance.classifier
    assert linear is None
    assert "cls_classifier.weight" in card.source


def test_a_torch_checkpoint_is_read_without_running_it(folder: Path) -> None:
    expected = open_source(request(folder))[1].sha256
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    assert open_source(request(folder))[1].sha256 == expected

    class Shell:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return exec, (f"open({str(folder / 'was_run')!r}, 'w')",)

    torch.save({"weight": Shell()}, folder / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="weights_only"):
        open_source(request(folder))
    assert not (folder / "was_run").exists()


@pytest.mark.parametrize("file", ["config.json", "preprocessor_config.json"])
def test_code_from_a_repository_is_refused_and_not_run(file: str, folder: Path) -> None:
    """Fault 4."""
    (folder / "modeling.py").write_text(f"open({str(folder / 'was_run')!r}, 'w')")
    change_json(folder / file, auto_map={"AutoConfig": "modeling.Config", "AutoModel": "modeling.Model"})
    with pytest.raises(UnavailableError, match=r"auto_map, trust_remote_code.*never runs code"):
        open_source(request(folder))
    assert not (folder / "was_run").exists()


def test_weights_that_are_not_those_of_the_configuration_are_listed(folder: Path) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    gone, other = (
        "resnet.embedder.embedder.convolution.weight",
        "resnet.encoder.stages.0.layers.0.layer.0.convolution.weight",
    )
    del tensors[gone]
    tensors[other] = tensors[other][:3]
    tensors["resnet.encoder.stages.7.weight"] = torch.zeros(2)
    save_file(tensors, file)
    with pytest.raises(WeightsError) as caught:
        open_source(request(folder))
    for problem in (
        f"missing: {gone.removeprefix('resnet.')}",
        f"of another shape: {other.removeprefix('resnet.')}",
        "unexpected: encoder.stages.7.weight",
        str(file),
    ):
        assert problem in str(caught.value)


def test_a_classifier_of_another_shape_is_not_a_classifier(folder: Path) -> None:
    change_json(folder / "config.json", id2label={"0": "one", "1": "two"}, label2id={"one": 0, "two": 1})
    _, card, provenance = open_with_provenance(request(folder))
    linear = provenance.classifier
    assert linear is None
    assert card.pretraining_classes == ()


def test_what_is_missing_or_not_supported_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change_json(folder / "config.json", num_channels=4)
    with pytest.raises(UnavailableError, match="4 channels"):
        open_source(request(folder))
    change_json(folder / "config.json", model_type="bart")
    with pytest.raises(UnknownNameError, match="model of transformers, but got 'bart'; did you mean 'bert'"):
        open_source(request(folder))
    (folder / "config.json").write_text("{")
    with pytest.raises(WeightsError, match=r"config\.json to be JSON"):
        open_source(request(folder))
    (folder / "config.json").unlink()
    with pytest.raises(WeightsError, match=r"Expected config\.json"):
        open_source(request(folder))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match=r"headstart\[hf\]"):
        HfSource().stamp(request(folder))


def test_a_transformer_that_takes_other_pictures_than_its_processor_makes_is_refused(tmp_path: Path) -> None:
    save(classifier("vit"), tmp_path)
    change_json(tmp_path / "preprocessor_config.json", size={"height": 48, "width": 48})
    with pytest.raises(UnavailableError, match="48 pixels, but its configuration says 32"):
        open_source(request(tmp_path))


class TestHub:
    """The same folder as a repository of the hub."""

    @pytest.fixture
    def hub(self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
        (folder / "README.md").write_text("---\nlicense: apache-2.0\n---\n")
        (folder / "modeling.py").write_text("raise SystemExit")
        with own_hub(tmp_path, monkeypatch) as hub:
            hub.commit("somebody/insects", **contents(folder))
            yield hub

    def test_it_is_what_the_folder_is_and_no_code_is_fetched(self, folder: Path, hub: HubServer) -> None:
        card = open_source(REPOSITORY)[1]
        assert card.sha256 == open_source(request(folder))[1].sha256
        assert card.licence == "apache-2.0"
        assert card.source == f"the hub's hub:somebody/insects@{hub.commits['somebody/insects']}/model.safetensors"
        asked = {path.rpartition("/")[2] for _, path, _ in hub.asked if "/resolve/" in path}
        assert asked == {"config.json", "preprocessor_config.json", "README.md", "model.safetensors"}

    def test_without_a_connection_the_first_commit_stays(
        self, folder: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = open_source(REPOSITORY)[1]
        change_json(folder / "preprocessor_config.json", image_mean=[0.1, 0.2, 0.3])
        hub.commit("somebody/insects", **contents(folder))
        assert open_source(REPOSITORY)[1] == first
        monkeypatch.setenv("HEADSTART_OFFLINE", "1")
        assert open_source(REPOSITORY)[1] == first
        other = Request.parse(f"hf:somebody/insects@{hub.commits['somebody/insects']}")
        with pytest.raises(UnavailableError, match="HEADSTART_OFFLINE"):
            open_source(other)
        monkeypatch.delenv("HEADSTART_OFFLINE")
        assert open_source(other)[1].preprocess.mean == (0.1, 0.2, 0.3)

    def test_without_a_model_card_nobody_says_the_licence(self, folder: Path, hub: HubServer) -> None:
        (folder / "README.md").unlink()
        hub.commit("somebody/insects", **contents(folder))
        assert open_source(REPOSITORY)[1].licence == "unknown"

    def test_a_flipped_byte_is_refused(self, hub: HubServer) -> None:
        hub.faults.append("flip")
        with pytest.raises(WeightsError, match="sha256"):
            open_source(REPOSITORY)
