import dataclasses
import json
from pathlib import Path

import pytest

import headstart
from headstart.backbones.licences import is_permissive
from headstart.backbones.model_index import index
from headstart.backbones.model_index.lines import FORMAT, encode
from headstart.backbones.model_index.listing import LISTINGS
from headstart.backbones.model_index.row import ModelRow, Weights
from headstart.backbones.sources.bundled import BUNDLED
from headstart.backbones.sources.contract import SOURCES

ROW = ModelRow(
    name="timm:toy.tag",
    takes="image",
    licence="mit",
    pretraining="ImageNet-1k",
    paper="",
    parameters=12,
    flops=34,
    input_size=32,
    cut="stem:8 blocks.0-1:16 pool:16p",
    uncut="",
    weights=Weights("hub", "timm/toy.tag"),
    default=True,
)
MOVED = dataclasses.replace(ROW, name="timm:toy.moved", weights=Weights("hub", "elsewhere/toy", "a.bin"), default=False)
BARE = dataclasses.replace(ROW, name="timm:toy.other", weights=Weights("none", ""), flops=None, default=False)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package folder and a cache of their own, and one library."""
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "packaged", lambda prefix: tmp_path / f"{prefix}.jsonl")
    monkeypatch.setattr(index, "DISTRIBUTIONS", {"timm": "timm"})
    monkeypatch.setattr(index, "version", lambda distribution: "1.2.3+cpu")
    return tmp_path


def write(path: Path, version: str, *groups: list[ModelRow]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode(version, groups))


def test_rows_read_back_as_they_were_written(packages: Path) -> None:
    write(index.packaged("timm"), "1.2.3", [ROW, MOVED], [BARE])
    assert index.read_index() == index.Index((ROW, MOVED, BARE), ())
    assert index.outdated() == []


def test_an_index_of_another_version_is_used_and_said(packages: Path) -> None:
    write(index.packaged("timm"), "1.0.0", [ROW])
    read = index.read_index()
    assert read.rows == (ROW,)
    assert "1.0.0" in read.notes[0] and "1.2.3 " in read.notes[0] and "--refresh" in read.notes[0]
    assert index.outdated() == ["timm"]


def test_the_index_made_here_is_taken_where_it_fits_better(packages: Path) -> None:
    write(index.packaged("timm"), "1.0.0", [ROW])
    write(index.refreshed("timm"), "1.2.3", [BARE])
    assert index.read_index() == index.Index((BARE,), ())
    write(index.packaged("timm"), "1.2.3", [ROW])
    assert index.read_index().rows == (ROW,)


def test_a_library_that_is_not_installed_keeps_its_index(packages: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(index.packaged("timm"), "1.0.0", [ROW])
    monkeypatch.setattr(index, "version", lambda distribution: "absent")
    assert index.read_index() == index.Index((ROW,), ())
    assert index.outdated() == []


@pytest.mark.parametrize("content", ["", "{", "[]\n", '{"format":0,"version":"1.2.3"}\n'])
def test_a_damaged_or_older_index_counts_as_none(packages: Path, content: str) -> None:
    index.refreshed("timm").parent.mkdir(parents=True)
    index.refreshed("timm").write_text(content)
    assert index.read_index() == index.Index((), ())
    assert index.outdated() == ["timm"]


def test_a_name_without_a_tag_is_the_default() -> None:
    assert ROW.names == ("timm:toy.tag", "timm:toy")
    assert BARE.names == ("timm:toy.other",)


@pytest.mark.parametrize("prefix", list(LISTINGS))
def test_every_packaged_index_is_there_and_of_this_format(prefix: str) -> None:
    head = json.loads(index.packaged(prefix).read_text().splitlines()[0])
    assert head["format"] == FORMAT
    assert prefix in index.DISTRIBUTIONS
    if index.DISTRIBUTIONS[prefix] == "headstart":
        assert head["version"] == headstart.__version__, "generate it anew for every release"
    assert prefix in SOURCES


def test_the_packaged_rows_are_whole() -> None:
    rows = index.read_index().rows
    names = [name for row in rows for name in row.names]
    assert len(names) == len(set(names)), "a name means one model"
    for row in rows:
        assert row.uncut or (row.stages and row.parameters and row.input_size), row.name
        assert not row.uncut or "\n" not in row.uncut
        assert row.licence and row.pretraining
        assert row.imagenet_top1 is None or 0 < row.imagenet_top1 < 100
        assert row.stages[-1].layout == "NC" if row.stages else True


def test_the_bundled_index_says_what_the_source_says() -> None:
    rows = {row.name: row for row in index.read_index().rows if row.source == "bundled"}
    assert set(rows) == {f"bundled:{name}" for name in BUNDLED}
    for name, bundled in BUNDLED.items():
        row = rows[f"bundled:{name}"]
        assert row.weights == Weights("package", bundled.package, bundled.file, bundled.sha256)
        assert (row.licence, row.input_size) == (bundled.blueprint.licence, bundled.blueprint.preprocess.size)
        assert is_permissive(row.licence)


def test_the_packaged_index_stays_small() -> None:
    assert sum(index.packaged(prefix).stat().st_size for prefix in LISTINGS) < 700_000
