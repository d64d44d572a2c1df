"""The bundled backbones: the right weights under the right preprocessing."""

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from headstart.backbones.catalog import open_backbone
from headstart.backbones.sources.bundled import BUNDLED
from headstart.core.errors import UnknownNameError


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
def test_all_of_them_bring_their_classifier_and_their_file(name: str) -> None:
    needs(name)
    converted = open_backbone(f"bundled:{name}")
    assert converted.card.file.sha256 == BUNDLED[name].sha256
    assert converted.source_classifier().weight.shape == (1000, converted.card.top.dim)


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
