"""Fault 22: a row that was made in any other way is never read; two processes on one cache take turns."""

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from headstart.backbones.catalog import open_backbone
from headstart.data.modality import MODALITIES
from headstart.features import extraction
from headstart.features.engines.contract import EngineSpec
from headstart.features.extraction import feature_shelf

IMAGE = MODALITIES["image"]
SPEC = EngineSpec("openvino", "f32")


@pytest.fixture(scope="module")
def card(shared_cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        return open_backbone("headstart:small_convnet", random_weights=True).card


def test_whatever_could_change_a_value_changes_the_place(card, monkeypatch):
    top = card.top.name
    shelves = [
        feature_shelf(card, top, SPEC, IMAGE),
        feature_shelf(replace(card, sha256="0" * 64), top, SPEC, IMAGE),
        feature_shelf(card, card.stages[0].name, SPEC, IMAGE),
        feature_shelf(replace(card, preprocess=replace(card.preprocess, crop=0.9)), top, SPEC, IMAGE),
        feature_shelf(replace(card, preprocess=replace(card.preprocess, mean=(0.1, 0.2, 0.3))), top, SPEC, IMAGE),
        feature_shelf(card, top, replace(SPEC, precision="bf16"), IMAGE),
        feature_shelf(card, top, replace(SPEC, name="torch"), IMAGE),
        feature_shelf(card, top, replace(SPEC, device="cuda"), IMAGE),
        feature_shelf(card, top, replace(SPEC, transform="source"), IMAGE),
        feature_shelf(card, top, SPEC, replace(IMAGE, rule=lambda: "another decoding rule, or another Pillow")),
    ]
    monkeypatch.setattr(extraction, "cpu_identity", lambda: "another processor")
    shelves.append(feature_shelf(card, top, SPEC, IMAGE))
    monkeypatch.undo()
    monkeypatch.setattr(extraction, "version", lambda name: "another version")
    shelves.append(feature_shelf(card, top, SPEC, IMAGE))
    monkeypatch.undo()
    assert len({shelf.folder for shelf in shelves}) == len(shelves)
    assert feature_shelf(card, top, SPEC, IMAGE).folder == shelves[0].folder


def test_two_fits_at_once_on_one_empty_cache_both_succeed(shapes, tmp_path):
    code = (
        "import sys, headstart\n"
        "run = headstart.fit(sys.argv[1], out=sys.argv[2], scratch=False,"
        " backbone='headstart:small_convnet', random_weights=True)\n"
        "print(run.metrics['features_computed'], run.metrics['test']['accuracy']['value'])"
    )
    environment = {**os.environ, "HEADSTART_CACHE": str(tmp_path / "cache")}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(shapes), str(tmp_path / name)],
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in "ab"
    ]
    answers = [process.communicate(timeout=300)[0].split() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert answers[0][1] == answers[1][1]
    assert sum(int(answer[0]) for answer in answers) == 80
