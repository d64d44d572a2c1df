"""What conversion refuses; what it writes is in test_converted.py."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from headstart.backbones import conversion
from headstart.backbones.card import ImagePreprocess
from headstart.backbones.conversion import convert, open_source
from headstart.backbones.converted import HASHED
from headstart.backbones.sources.contract import Provenance, Request
from headstart.backbones.sources.own import OwnSource
from headstart.core.errors import EngineError, WeightsError
from headstart.core.files import sha256_file

REQUEST = Request.parse("headstart:small_convnet.8", random_weights=True, seed=3)


def test_a_conversion_writes_its_files_and_their_hashes(tmp_path: Path) -> None:
    folder = convert(*open_source(REQUEST), tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*HASHED, "hashes.json"])
    hashes = json.loads((folder / "hashes.json").read_text())
    assert hashes == {name: sha256_file(folder / name) for name in HASHED}
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


def test_the_engine_model_is_float32_in_full(tmp_path: Path) -> None:
    backbone, card = open_source(REQUEST)
    folder = convert(backbone, card, tmp_path)
    assert (folder / "engine.bin").stat().st_size > 4 * card.parameters * 0.99


def test_an_engine_model_that_differs_from_torch_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backbone, card = open_source(REQUEST)
    write = conversion._write_engine_model

    def write_and_change(*arguments: object) -> None:
        write(*arguments)
        with torch.no_grad():
            backbone.model.stage3.convolution.weight.mul_(1.01)

    monkeypatch.setattr(conversion, "_write_engine_model", write_and_change)
    with pytest.raises(EngineError, match="stage3"):
        convert(backbone, card, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_loads_weights_that_are_not_finite_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(self: OwnSource, request: Request, model: nn.Module, progress: object) -> Provenance:
        model.stage2.norm.running_var[:3] = float("inf")
        return Provenance("somewhere", "something")

    monkeypatch.setattr(OwnSource, "load", load)
    with pytest.raises(WeightsError, match=r"3 of 64 values of 'stage2\.norm\.running_var'"):
        open_source(Request.parse("headstart:small_convnet.8"))


def test_random_weights_depend_on_the_seed_alone() -> None:
    hashes = [
        open_source(Request.parse("headstart:small_convnet.8", random_weights=True, seed=seed))[1].sha256
        for seed in (0, 0, 1)
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def test_the_last_trial_picture_is_smooth_and_spans_the_range() -> None:
    picture = ImagePreprocess(64, 1.0, "bilinear", (0, 0, 0), (1, 1, 1)).random_inputs(2)[-1].astype(int)
    assert picture.shape == (64, 64, 3)
    assert picture.min() < 20
    assert picture.max() > 235
    assert max(np.abs(np.diff(picture, axis=axis)).max() for axis in (0, 1)) < 25
