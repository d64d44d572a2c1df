"""A saved run answers as it was judged, says where it cannot, and can be carried away."""

import json
import shutil

import numpy as np
import pytest

import headstart


@pytest.fixture
def copy(shapes_run, tmp_path):
    return shutil.copytree(shapes_run, tmp_path / "run")


def change_manifest(run, change):
    manifest = json.loads((run / "manifest.json").read_text())
    change(manifest)
    (run / "manifest.json").write_text(json.dumps(manifest))


def test_on_the_machine_that_judged_it_there_is_nothing_to_say(copy, shapes):
    run = headstart.load(copy)
    run.predict(shapes / "disc")
    assert run.notices == ()


def test_another_precision_or_processor_is_said(copy):
    change_manifest(copy, lambda manifest: manifest["engine"].update(precision="f16", name="openvino"))
    (notice,) = headstart.load(copy).notices
    assert "was judged with openvino f16" in notice
    change_manifest(copy, lambda manifest: manifest["engine"].update(precision="f32", cpu="a pocket calculator"))
    (notice,) = headstart.load(copy).notices
    assert "another processor" in notice


def test_a_run_answers_alike_where_nothing_of_it_is_cached(copy, shapes, silent_home):
    """The run's own weights are enough: the folder can go to another machine."""
    before = json.loads((copy / "metrics.json").read_text())
    answers = headstart.load(copy).predict(shapes)
    assert (silent_home / "cache" / "models").is_dir()
    right = np.mean([answer.label == answer.id.split("/")[-2] for answer in answers])
    assert right >= before["test"]["accuracy"]["value"] - 0.2


def test_inputs_of_every_kind(copy, shapes):
    from PIL import Image

    run = headstart.load(copy)
    picture = np.asarray(Image.open(shapes / "disc" / "000.png"))
    by_path, lone, listed = (
        run.predict(shapes / "disc" / "000.png"),
        run.predict(picture),
        run.predict([picture, shapes / "disc" / "000.png"]),
    )
    assert len(by_path) == len(lone) == 1
    assert [answer.id for answer in listed] == [str(shapes / "disc" / "000.png"), "array 0"]
    assert by_path[0].probabilities == pytest.approx(lone[0].probabilities, abs=1e-3)
    assert run.predict([]) == []
    (missing,) = run.predict("nowhere.png")
    assert missing.label is None
    assert "missing file" in str(missing.error)
