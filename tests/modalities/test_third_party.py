"""A modality from elsewhere: an entry point is all it takes, and every verb serves it."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.modalities.toy import ENTRY_POINTS, LENGTH

import headstart as hs
from headstart.core.errors import UsageError
from headstart.data.modality import MODALITIES


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pip would leave it: a package's metadata on the path."""
    metadata = tmp_path / "site" / "headstart_tracks-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: headstart-tracks\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site"), *sys.path])
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def tracks(tmp_path: Path) -> Path:
    """Slow and quick waves with noise; of different lengths."""
    random = np.random.default_rng(0)
    for label, frequency in (("slow", 1), ("quick", 3), ("quickest", 5)):
        (tmp_path / "tracks" / label).mkdir(parents=True)
        for number in range(24):
            length = int(random.integers(LENGTH, 3 * LENGTH))
            time = np.linspace(0, 2 * np.pi, length)
            heights = np.sin(frequency * time + random.uniform(0, 6)) + random.normal(0, 0.4, length)
            (tmp_path / "tracks" / label / f"{number:02}.track").write_text(" ".join(map(repr, heights.tolist())))
    return tmp_path / "tracks"


def test_it_is_known_by_its_entry_point_and_told_by_its_files(tracks: Path) -> None:
    assert "track" in MODALITIES
    report = hs.check(tracks, data_only=True)
    assert (report.readable, report.item_word, report.size_name) == (72, "track", "points and dots")


def test_fit_probe_predict_and_evaluate(tracks: Path, tmp_path: Path) -> None:
    broken = tracks / "slow" / "broken.track"
    broken.write_text("up and down")
    run = hs.fit(tracks, out=tmp_path / "run", strategy="probe", baseline_budget=8)
    assert run.metrics["test"]["accuracy"]["value"] > 0.9
    assert run.metrics["excluded"] == 1
    assert {entry["name"] for entry in run.metrics["candidates"]} >= {"linear probe", "raw heights"}
    assert run.metrics["item_word"] == "track"
    assert run.manifest["backbone"]["preprocess"] == {"kind": "track", "length": LENGTH}
    assert "track" in (tmp_path / "run" / "report.html").read_text()
    again = hs.load(tmp_path / "run")
    (answer,) = again.predict(tracks / "quick" / "03.track")
    assert answer.label == "quick"
    assert again.evaluate(tracks).items == 72 - len(run.manifest["training_items"])


def test_it_is_tuned_above_a_boundary(tracks: Path, tmp_path: Path) -> None:
    run = hs.fit(tracks, out=tmp_path / "run", strategy="partial", boundary="second", budget=20, scratch=False)
    (step,) = run.metrics["decision"]["steps"]
    assert (step["boundary"], step["views"]) == ("second", 0)
    assert step["frozen"]["stages"] == ["first"]


def test_its_backbones_are_ranked_and_their_features_extracted(tracks: Path, tmp_path: Path) -> None:
    ranking = hs.rank(tracks, candidates=["track:waves"])
    assert ranking.best.name == "track:waves"
    written = hs.extract(tracks, tmp_path / "features.parquet", stages=["first"])
    assert written["stages"] == {"first": 24}


def test_a_backbone_for_other_data_is_refused_and_so_are_views(tracks: Path) -> None:
    with pytest.raises(UsageError, match=r"Expected a backbone for tracks, but headstart:small_convnet\.8"):
        hs.fit(tracks, backbone="headstart:small_convnet.8", random_weights=True)
    with pytest.raises(UsageError, match="Expected --views 0 for tracks"):
        hs.fit(tracks, views=1)


def test_the_record_is_plain_json(tracks: Path, tmp_path: Path) -> None:
    hs.fit(tracks, out=tmp_path / "run", strategy="probe", scratch=False)
    assert json.loads((tmp_path / "run" / "evidence.json").read_text())["most_wrong"] is not None
