"""The backbone of a former run."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from headstart.backbones.card import BackboneCard
from headstart.backbones.catalog import open_backbone
from headstart.backbones.conversion import open_source, state_arrays
from headstart.backbones.identity import weights_sha256
from headstart.backbones.sources.contract import Request
from headstart.core.errors import RunFolderError, WeightsError
from headstart.core.tensors import read_tensors

SMALL = Request.parse("headstart:small_convnet.8", random_weights=True)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run that trained a small network on letters."""
    backbone, card = open_source(SMALL)
    tensors = {
        name: np.asarray(values + np.ones((), values.dtype)) for name, values in state_arrays(backbone.model).items()
    }
    folder = tmp_path / "runs" / "letters"
    folder.mkdir(parents=True)
    head = {"head.weight": np.zeros((3, 256), np.float32)}
    save_file({f"backbone.{name}": values for name, values in tensors.items()} | head, folder / "model.safetensors")
    trained = replace(card, sha256=weights_sha256(card.library, card.architecture, tensors))
    write_manifest(folder, trained, trained_backbone=True)
    return folder


def write_manifest(folder: Path, card: BackboneCard, **changes: Any) -> None:
    manifest = {"backbone": card.to_json(), "data": {"name": "letters"}, "training_items": ["aa", "bb"], **changes}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def card_of(folder: Path) -> BackboneCard:
    return BackboneCard.from_json(json.loads((folder / "manifest.json").read_text())["backbone"])


def test_the_trained_backbone_comes_back_with_its_history(run: Path) -> None:
    converted = open_backbone(f"run:{run}")
    card = converted.card
    assert card.sha256 == card_of(run).sha256
    assert (card.name, card.pretraining, card.pretraining_items) == (f"run:{run}", "letters", ("aa", "bb"))
    stored = read_tensors(run / "model.safetensors")
    for name, values in read_tensors(converted.weights).items():
        np.testing.assert_array_equal(values, stored[f"backbone.{name}"])


def test_pretraining_adds_up(run: Path) -> None:
    earlier = replace(card_of(run), pretraining="digits", pretraining_classes=("one",), pretraining_items=("bb", "cc"))
    write_manifest(run, earlier, trained_backbone=True)
    _, card = open_source(Request.parse(f"run:{run}"))
    assert card.pretraining == "digits, then letters"
    assert card.pretraining_items == ("bb", "cc", "aa")
    assert card.pretraining_classes == ("one",)


def test_a_run_that_only_used_its_backbone_adds_nothing(run: Path) -> None:
    write_manifest(run, card_of(run), trained_backbone=False)
    _, card = open_source(Request.parse(f"run:{run}"))
    assert card == replace(card_of(run), name=f"run:{run}")


def test_its_random_twin_has_its_architecture(run: Path) -> None:
    twin = open_backbone(f"run:{run}", random_weights=True).card
    assert twin.pretraining == "none (random weights)"
    assert twin.sha256 == open_source(SMALL)[1].sha256


def test_weights_that_are_not_those_of_the_card_are_refused(run: Path) -> None:
    write_manifest(run, replace(card_of(run), sha256="0" * 64), trained_backbone=True)
    with pytest.raises(WeightsError, match="0000"):
        open_backbone(f"run:{run}")


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"manifest\.json"):
        open_backbone(f"run:{tmp_path}")


@pytest.mark.parametrize("missing", ["backbone", "trained_backbone", "data", "training_items"])
def test_a_manifest_without_a_key_is_refused(run: Path, missing: str) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    del manifest[missing]
    (run / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RunFolderError, match=missing):
        open_backbone(f"run:{run}")


@pytest.mark.parametrize("content", ["", "[]", "{", "[" * 100_000])
def test_a_broken_manifest_is_refused(run: Path, content: str) -> None:
    (run / "manifest.json").write_text(content)
    with pytest.raises(RunFolderError):
        open_backbone(f"run:{run}")
