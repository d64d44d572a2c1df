"""Recordings from end to end: tones of three pitches, told apart, tuned, interrupted, played and cut into windows."""

import re
from collections import defaultdict

import numpy as np
import pytest
import soundfile
from tests.conftest import QUICK
from tests.workflows.conftest import fix_costs
from tests.workflows.test_resuming import assert_equal, interrupted_fit

import headstart
from headstart.data.modality import MODALITIES
from headstart.data.splits import assign_splits
from headstart.workflows.recognised import read_items

PITCHES = {"low": 250.0, "middle": 700.0, "high": 2000.0}
RATE = 8000
PROBE = {"strategy": "probe", "scratch": False, **QUICK}
TUNED = {"strategy": "partial", "boundary": "stage4", "views": 1, "budget": 2}


def tone(pitch, chance, seconds=0.3):
    """A sine somewhat beside the pitch, with noise."""
    time = np.arange(int(seconds * RATE)) / RATE
    samples = 0.4 * np.sin(2 * np.pi * pitch * chance.uniform(0.95, 1.05) * time)
    return (samples + 0.03 * chance.standard_normal(len(time))).astype(np.float32)


def write_tones(folder, *, per_class, chance, seconds=0.3):
    for name, pitch in PITCHES.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(per_class):
            soundfile.write(folder / name / f"{number:02d}.wav", tone(pitch, chance, seconds), RATE)
    return folder


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """Three splits; one recording of the test split lies in the wrong folder."""
    folder, chance = tmp_path_factory.mktemp("data") / "tones", np.random.default_rng(0)
    for split, per_class in (("train", 10), ("val", 5), ("test", 6)):
        write_tones(folder / split, per_class=per_class, chance=chance)
    soundfile.write(folder / "test" / "low" / "wrong.wav", tone(PITCHES["high"], chance), RATE)
    return folder


@pytest.fixture(scope="module")
def probe_run(tones, shared_cache, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        return headstart.fit(tones, out=tmp_path_factory.mktemp("runs") / "probe", **PROBE)


def test_a_probe_tells_tones_apart_and_stands_beside_the_plain_baseline(probe_run):
    metrics = probe_run.metrics
    assert metrics["item_word"] == "recording"
    assert metrics["splits"] == {"train": 30, "validation": 15, "test": 19}
    assert metrics["test"]["accuracy"]["value"] >= 17 / 19
    rows = {row["name"]: row for row in metrics["candidates"]}
    assert rows["MFCC statistics"]["validation"]["accuracy"]["value"] >= 0.9


def test_what_was_answered_wrongly_can_be_seen_and_heard(probe_run):
    page = (probe_run.path / "report.html").read_text()
    players = re.findall(r'<audio\b[^>]*src="(data:audio/wav;base64,[^"]+)"', page)
    pictures = re.findall(r'<img\b[^>]*src="data:image/png;base64,', page)
    assert players
    assert len(pictures) >= len(players)
    assert "wrong.wav" in page


def test_predict_answers_in_order_and_names_what_it_cannot_hear(probe_run, tones, tmp_path):
    chance, broken, long = np.random.default_rng(1), tmp_path / "broken.wav", tmp_path / "long.wav"
    broken.write_bytes((tones / "test" / "low" / "00.wav").read_bytes()[:100])
    soundfile.write(long, tone(PITCHES["high"], chance, seconds=25), RATE)
    answers = headstart.load(probe_run.path).predict([tones / "test" / "middle" / "00.wav", broken, long])
    assert [answer.label for answer in answers[:2]] == ["middle", None]
    assert "truncated" in answers[1].error
    assert [answer.id for answer in answers[2:]] == [f"{long} [{part} s]" for part in ("0:10", "10:20", "20:25")]
    assert all(sum(answer.probabilities.values()) == pytest.approx(1) for answer in answers[2:])


def test_evaluate_finds_what_the_fit_found(probe_run, tones):
    found = headstart.load(probe_run.path).evaluate(tones)
    assert (found.items, found.split) == (19, "test")
    assert found.scorecard.metrics["accuracy"].value == probe_run.metrics["test"]["accuracy"]["value"]


def test_a_tuning_with_views_goes_on_after_ctrl_c_to_the_same_bits(tones, tmp_path, monkeypatch):
    fix_costs(monkeypatch)
    unbroken = headstart.fit(tones, out=tmp_path / "unbroken", scratch=False, **TUNED, **QUICK)
    (step,) = unbroken.metrics["decision"]["steps"]
    assert (step["status"], step["views"], step["below"]) == ("ok", 1, "cached")
    assert unbroken.metrics["test"]["accuracy"]["value"] >= 17 / 19
    broken = interrupted_fit(tones, tmp_path / "again", step=step["epochs_run"] // 2, **TUNED)
    assert broken.metrics["interrupted"] is True
    again = headstart.fit(tones, out=tmp_path / "again", scratch=False, **TUNED, **QUICK)
    assert again.metrics["interrupted"] is False
    assert_equal(again, unbroken)


def test_windows_of_a_long_recording_stay_in_one_split(tmp_path):
    data = write_tones(tmp_path / "long", per_class=6, chance=np.random.default_rng(2), seconds=23)
    splits = defaultdict(list)
    for item in assign_splits(read_items(str(data), MODALITIES["sound"]).items, seed=0):
        splits[item.id.split(" [")[0]].append(item.split)
    assert {len(found) for found in splits.values()} == {3}
    assert all(len(set(found)) == 1 for found in splits.values())
    assert {found[0] for found in splits.values()} == {"train", "validation", "test"}


def test_one_of_many_names_is_read_by_a_pattern(probe_run, tones, tmp_path):
    """The same recordings without class folders come to the same run."""
    for file in tones.rglob("*.wav"):
        flat = tmp_path / "flat" / file.parts[-3] / f"{file.parent.name}-{file.name}"
        flat.parent.mkdir(parents=True, exist_ok=True)
        flat.write_bytes(file.read_bytes())
    columns = headstart.Columns(pattern=r"([a-z]+)-[^/]+$")
    run = headstart.fit(tmp_path / "flat", out=tmp_path / "run", columns=columns, **PROBE)
    assert run.metrics["test"] == probe_run.metrics["test"]
