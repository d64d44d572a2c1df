from collections.abc import Iterator
from pathlib import Path

import pytest

from headstart.backbones.card import ImagePreprocess
from headstart.backbones.model_index import generate, index
from headstart.backbones.model_index.listing import LISTINGS, Listed
from headstart.backbones.model_index.measure import Measured
from headstart.backbones.model_index.row import Weights


def listed(architecture: str, tag: str, *, size: int = 32, uncut: str = "") -> Listed:
    return Listed(
        name=f"timm:{architecture}.{tag}",
        library="timm",
        architecture=architecture,
        preprocess=ImagePreprocess(size, 1.0, "bilinear", (0, 0, 0), (1, 1, 1)),
        licence="mit",
        pretraining="ImageNet-1k",
        paper="",
        weights=Weights("hub", f"timm/{architecture}.{tag}"),
        uncut=uncut,
    )


MODELS = [listed("b", "one"), listed("a", "one"), listed("a", "two"), listed("a", "big", size=64, uncut="too odd")]


class Measuring:
    """Counts how often an architecture is measured, and fails where it is told to."""

    def __init__(self, fails_at: str = "") -> None:
        self.asked: list[tuple[str, int]] = []
        self.fails_at = fails_at

    def __call__(self, library: str, architecture: str, preprocess: ImagePreprocess) -> Measured:
        if architecture == self.fails_at:
            raise KeyboardInterrupt
        self.asked.append((architecture, preprocess.size))
        return Measured(10, 20, "stem:8 pool:8p")


@pytest.fixture(autouse=True)
def one_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "packaged", lambda prefix: tmp_path / f"{prefix}.jsonl")
    monkeypatch.setattr(index, "DISTRIBUTIONS", {"timm": "timm"})
    monkeypatch.setattr(index, "version", lambda distribution: "1.2.3")

    def listing() -> Iterator[Listed]:
        yield from MODELS

    monkeypatch.setattr(type(LISTINGS), "__getitem__", lambda self, name: listing)


def test_every_listed_model_becomes_a_row_and_every_architecture_is_measured_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measuring = Measuring()
    monkeypatch.setattr(generate, "measure", measuring)
    assert generate.generate("timm", tmp_path / "timm.jsonl") == 4
    rows = {row.name: row for row in index.read_index().rows}
    assert set(rows) == {model.name for model in MODELS}
    assert measuring.asked == [("a", 32), ("a", 64), ("b", 32)]
    assert rows["timm:a.two"].stages == rows["timm:b.one"].stages
    assert rows["timm:a.two"].weights == Weights("hub", "timm/a.two")
    assert rows["timm:a.big"].uncut == "too odd"
    assert index.outdated() == []


def test_an_interrupted_one_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "measure", Measuring(fails_at="b"))
    with pytest.raises(KeyboardInterrupt):
        generate.generate("timm", tmp_path / "timm.jsonl")
    assert not (tmp_path / "timm.jsonl").exists()
    (kept,) = (tmp_path / "cache" / "model_index").glob("*.measured")
    kept.write_text(kept.read_text() + '["half a li')
    measuring = Measuring()
    monkeypatch.setattr(generate, "measure", measuring)
    generate.generate("timm", tmp_path / "timm.jsonl")
    assert measuring.asked == [("b", 32)]
    again = Measuring()
    monkeypatch.setattr(generate, "measure", again)
    generate.generate("timm", tmp_path / "timm.jsonl")
    assert len(again.asked) == 3, "what is whole is measured anew"
