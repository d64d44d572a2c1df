"""Small photos and texts with several labels, or a number, each; and backbones that read them in a blink."""

import csv
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.backbones.small_texts import save
from transformers import BertConfig, BertModel

from headstart.core.run_folder import RunFolder
from headstart.workflows.arrange import DataOptions
from headstart.workflows.fit import FitOptions
from headstart.workflows.gather import BackboneOptions
from headstart.workflows.pooled_tasks.fit import fit_problem

PHOTOS = BackboneOptions("headstart:small_convnet", random_weights=True, device="cpu")


def nobody(folder: Path) -> None:
    """No report: these tests are about what is in it."""


@pytest.fixture(scope="session")
def small_bert(tmp_path_factory: pytest.TempPathFactory) -> BackboneOptions:
    """A small model of BERT's family, in whose features it still shows which words there were."""
    torch.manual_seed(0)
    config = BertConfig(vocab_size=90, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=48)
    folder = save(BertModel(config).eval(), tmp_path_factory.mktemp("small") / "bert")
    return BackboneOptions(f"hf:{folder}", device="cpu", allow_licenses=("unknown",))


@pytest.fixture(scope="session")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos and how bright they are, in a unit of its own."""
    folder, chance = tmp_path_factory.mktemp("data") / "bright", np.random.default_rng(0)
    folder.mkdir()
    rows = []
    for number in range(100):
        level = chance.uniform(40, 200)
        noise = chance.normal(level, 15, (24, 24, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noise).save(folder / f"{number:03d}.png")
        rows.append((f"{number:03d}.png", f"{1000 + level + chance.normal(0, 3):.2f}"))
    _write_csv(folder / "metadata.csv", ("file_name", "label"), rows)
    return folder


@pytest.fixture(scope="session")
def coloured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos with a red band, a green one, both or none."""
    folder, chance = tmp_path_factory.mktemp("data") / "coloured", np.random.default_rng(1)
    folder.mkdir()
    lines = []
    for number in range(80):
        photo = chance.integers(0, 90, (24, 24, 3))
        labels = [name for place, name in enumerate(("red", "green")) if number >> place & 1]
        for name in labels:
            channel = ("red", "green").index(name)
            photo[8 * channel : 8 * channel + 8, :, channel] += 140
        Image.fromarray(photo.astype(np.uint8)).save(folder / f"{number:03d}.png")
        lines.append({"file_name": f"{number:03d}.png", "label": labels})
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder


@pytest.fixture(scope="session")
def topics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts of eight words, of some thirds of the vocabulary or of none, and which thirds these are."""
    path, chance = tmp_path_factory.mktemp("data") / "topics.jsonl", random.Random(2)
    thirds, lines = {"low": range(25), "middle": range(25, 50), "high": range(50, 75)}, []
    for _ in range(160):
        labels = [name for name in thirds if chance.random() < 0.4]
        words = [chance.choice(thirds[chance.choice(labels)] if labels else range(75, 80)) for _ in range(8)]
        lines.append({"text": " ".join(f"w{word}" for word in words), "labels": labels})
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


@pytest.fixture(scope="session")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts, and the share of their words that are below w30; three texts of one writer each."""
    path, chance = tmp_path_factory.mktemp("data") / "scores.csv", random.Random(3)
    rows = []
    for number in range(150):
        words = [chance.randrange(80) if chance.random() < 0.5 else chance.randrange(30) for _ in range(10)]
        share = sum(word < 30 for word in words) / 10
        rows.append((" ".join(f"w{word}" for word in words), f"{share:.1f}", f"writer {number // 3}"))
    _write_csv(path, ("text", "score", "group"), rows)
    return path


def run_of(task: str, data: Path, backbone: BackboneOptions, out: Path, **options: Any) -> RunFolder:
    """A fit that takes seconds."""
    from headstart.data.columns import Columns

    chosen = {"strategy": "probe", "scratch": False, "budget": 20.0, "baseline_budget": 2.0, **options}
    columns = Columns(label="score") if data.name == "scores.csv" else None
    decorate = chosen.pop("decorate", nobody)
    return fit_problem(
        task, DataOptions(str(data), columns=columns), backbone, FitOptions(out=out, **chosen), decorate=decorate
    )


def _write_csv(path: Path, names: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([names, *rows])
