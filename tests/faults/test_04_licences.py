"""Fault 4: weights whose licence is not permissive are refused before they are fetched, unless the user names it."""

import json
from pathlib import Path

import pytest

import headstart
from headstart.backbones.catalog import open_backbone
from headstart.backbones.sources.contract import Blueprint, Provenance, Request
from headstart.backbones.sources.own import OwnSource
from headstart.core.errors import UsageError

NAME = "headstart:small_convnet"


@pytest.fixture(autouse=True)
def fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Our small network as if somebody had trained it and allowed no commercial use; lists what was fetched."""
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    plain, names = OwnSource.blueprint, list[str]()

    def blueprint(self: OwnSource, request: Request) -> Blueprint:
        own = plain(self, request)
        return Blueprint(own.library, own.architecture, own.preprocess, own.paper, "cc-by-nc-4.0")

    def load(self: OwnSource, request: Request, model: object, progress: object = None) -> Provenance:
        names.append(request.text)
        return Provenance("somebody's server", "ImageNet-1k")

    monkeypatch.setattr(OwnSource, "blueprint", blueprint)
    monkeypatch.setattr(OwnSource, "load", load)
    return names


def test_nothing_is_fetched_before_the_licence_is_known(fetched: list[str]) -> None:
    with pytest.raises(UsageError, match=r"cc-by-nc-4\.0.*--allow-license cc-by-nc-4\.0"):
        open_backbone(NAME)
    with pytest.raises(UsageError, match="--allow-license"):
        open_backbone(NAME, allow_licenses=["gemma"])
    assert fetched == []


def test_what_was_converted_under_the_flag_still_takes_it(fetched: list[str]) -> None:
    assert open_backbone(NAME, allow_licenses=["CC-BY-NC-4.0"]).card.licence == "cc-by-nc-4.0"
    with pytest.raises(UsageError, match="--allow-license"):
        open_backbone(NAME)
    assert fetched == [NAME]


def test_random_weights_are_nobodys(fetched: list[str]) -> None:
    open_backbone(NAME, random_weights=True)
    assert fetched == []


def test_a_run_records_the_flag_and_answers_without_it(
    shapes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="--allow-license"):
        headstart.fit(shapes, out=tmp_path / "refused", backbone=NAME, strategy="probe", scratch=False)
    assert not (tmp_path / "refused").exists()

    run = headstart.fit(
        shapes,
        out=tmp_path / "run",
        backbone=NAME,
        strategy="probe",
        scratch=False,
        allow_license=["CC-BY-NC-4.0", "gemma"],
    )
    assert list(run.manifest["allowed_licences"]) == ["cc-by-nc-4.0"]
    for page in ("README.md", "report.html"):
        text = (tmp_path / "run" / page).read_text()
        assert "allowed by the user" in text.lower()
        assert "cc-by-nc-4.0" in text.replace("\\-", "-")

    photo = next((shapes / "disc").iterdir())
    assert headstart.load(tmp_path / "run").predict([photo])[0].label
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "another cache"))
    assert headstart.load(tmp_path / "run").predict([photo])[0].label
    with pytest.raises(UsageError, match="--allow-license"):
        open_backbone(f"run:{tmp_path / 'run'}")


def test_a_run_on_permissive_weights_records_nothing(shapes_run: Path) -> None:
    assert json.loads((shapes_run / "manifest.json").read_text())["allowed_licences"] == []
    assert "allowed by the user" not in (shapes_run / "README.md").read_text().lower()


def test_extracting_features_takes_the_flag_too(shapes: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--allow-license"):
        headstart.extract(shapes, tmp_path / "features.parquet", backbone=NAME)
    written = headstart.extract(shapes, tmp_path / "features.parquet", backbone=NAME, allow_license=["cc-by-nc-4.0"])
    assert written["rows"]
