"""keras: as a source; Keras' weights themselves are not at hand, so files of the same make stand in for them."""

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from headstart.backbones import keras_models
from headstart.backbones.catalog import open_backbone
from headstart.backbones.conversion import open_source
from headstart.backbones.sources import keras_applications
from headstart.backbones.sources.contract import Request
from headstart.backbones.sources.keras_applications import APPLICATIONS, KerasSource
from headstart.backbones.weights import url as url_module
from headstart.backbones.weights.fetched import FetchedFile
from headstart.backbones.weights.lock_file import pins_of_first_use
from headstart.core.errors import UnavailableError, UnknownNameError, WeightsError

NAME = "keras:MobileNet"
#: What Keras calls the file; it names no md5 for this one.
MOBILENET = "mobilenet_1_0_224_tf_no_top.h5"


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that were asked for; every answer is the file ``weights.h5`` in ``tmp_path``."""
    addresses: list[str] = []

    def fetch_url(url: str, **_: object) -> FetchedFile:
        addresses.append(url)
        return FetchedFile.hashed(tmp_path / "weights.h5", url)

    monkeypatch.setattr(url_module, "fetch_url", fetch_url)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return addresses


def write_weights(path: Path, architecture: str, size: int) -> Any:
    """Keras' own model with random weights, written as Keras writes such files."""
    model = keras_models._application(architecture, size, None)
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    chance = np.random.default_rng(0)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(chance.uniform(0.5, 1.5, weight.shape))
    with h5py.File(path, "w") as file:
        save_weights_to_hdf5_group(file, model)
    return model


def test_the_weights_that_keras_names_become_a_backbone(asked: list[str], tmp_path: Path) -> None:
    source = write_weights(tmp_path / "weights.h5", "MobileNet", 224)
    converted = open_backbone(NAME)
    card = converted.card
    assert asked == [f"https://storage.googleapis.com/tensorflow/keras-applications/mobilenet/{MOBILENET}"]
    assert card.source == f"Keras' {asked[0]}"
    assert (card.licence, card.pretraining, len(card.pretraining_classes)) == ("Apache-2.0", "ImageNet-1k", 1000)
    assert card.file.bytes == (tmp_path / "weights.h5").stat().st_size
    assert (card.preprocess.size, card.preprocess.resized, card.preprocess.mean) == (224, 256, (0.5, 0.5, 0.5))
    pictures = torch.rand(2, 3, 224, 224) * 2 - 1
    with torch.no_grad():
        expected = source(pictures.permute(0, 2, 3, 1), training=False).cpu()
        torch.testing.assert_close(converted.load()(pictures), expected)


def test_a_file_that_is_not_hdf5_or_another_models_is_one_error(asked: list[str], tmp_path: Path) -> None:
    (tmp_path / "weights.h5").write_bytes(b"something else")
    with pytest.raises(WeightsError, match=r"weights\.h5 to hold the weights of keras\.applications\.MobileNet"):
        open_source(Request.parse(NAME))
    write_weights(tmp_path / "weights.h5", "VGG16", 64)
    with pytest.raises(WeightsError, match="MobileNet"):
        open_source(Request.parse(NAME))


def test_not_a_number_is_refused(asked: list[str], tmp_path: Path) -> None:
    write_weights(tmp_path / "weights.h5", "MobileNet", 224)
    with h5py.File(tmp_path / "weights.h5", "r+") as file:
        found: list[h5py.Dataset] = []
        file["conv_pw_3"].visititems(lambda _, item: found.append(item) if isinstance(item, h5py.Dataset) else None)
        found[0][0] = np.nan
    with pytest.raises(WeightsError, match="conv_pw_3"):
        open_source(Request.parse(NAME))


def test_what_keras_itself_once_fetched_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("HEADSTART_OFFLINE", "1")
    kept = tmp_path / "keras" / "models" / "file.h5"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"weights")
    md5 = hashlib.md5(b"weights").hexdigest()
    address = "https://example.org/file.h5"
    assert keras_applications._fetched("file.h5", address, md5, None).path == kept
    assert pins_of_first_use(address)
    kept.write_bytes(b"something else")
    with pytest.raises(UnavailableError, match="HEADSTART_OFFLINE"):
        keras_applications._fetched("file.h5", address, md5, None)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_every_application_has_a_blueprint(name: str) -> None:
    blueprint = KerasSource().blueprint(Request.parse(f"keras:{name}"))
    assert (blueprint.library, blueprint.architecture) == ("keras", name)
    assert blueprint.preprocess.resized == int(blueprint.preprocess.size / 0.875)
    assert blueprint.licence
    assert "arXiv" in blueprint.paper


def test_every_application_is_one_of_keras() -> None:
    keras = keras_models._keras()
    assert not [name for name in APPLICATIONS if not callable(getattr(keras.applications, name, None))]


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="'NASNetMobile'"):
        KerasSource().stamp(Request.parse("keras:NASNetMobile"))
    assert KerasSource().stamp(Request.parse(NAME)).startswith("keras 3")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UnavailableError, match=r"headstart\[keras\]"):
        KerasSource().stamp(Request.parse(NAME))
