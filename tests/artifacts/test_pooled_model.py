"""A saved run of several labels, or a number, answers and is judged: the same figures, new items, files."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.workflows.pooled_tasks.conftest import *  # noqa: F403 -- its fixtures
from tests.workflows.pooled_tasks.conftest import PHOTOS, run_of

from headstart.artifacts.model_card import render_model_card
from headstart.artifacts.pooled_model import SavedPooledModel
from headstart.artifacts.report.page import render_report
from headstart.core.errors import DataError
from headstart.core.run_folder import open_run


@pytest.fixture(scope="module")
def levels(bright: Path, tmp_path_factory: pytest.TempPathFactory) -> SavedPooledModel:
    run = run_of("regression", bright, PHOTOS, tmp_path_factory.mktemp("runs") / "levels")
    return SavedPooledModel(open_run(run.path))


@pytest.fixture(scope="module")
def tagger(topics: Path, small_bert, tmp_path_factory: pytest.TempPathFactory) -> SavedPooledModel:  # type: ignore[no-untyped-def]
    run = run_of("multilabel", topics, small_bert, tmp_path_factory.mktemp("runs") / "topics")
    return SavedPooledModel(open_run(run.path))


def test_its_figures_on_new_items_need_no_split(levels: SavedPooledModel, bright: Path, tmp_path: Path) -> None:
    chance = np.random.default_rng(9)
    rows = ["file_name,label"]
    for number in range(30):
        level = chance.uniform(40, 200)
        Image.fromarray(chance.normal(level, 15, (24, 24, 3)).clip(0, 255).astype(np.uint8)).save(
            tmp_path / f"{number}.png"
        )
        rows.append(f"{number}.png,{1000 + level}")
    (tmp_path / "trained.png").write_bytes((bright / "000.png").read_bytes())
    (tmp_path / "metadata.csv").write_text("\n".join(rows))
    found = levels.evaluate(str(tmp_path))
    assert (found.split, found.items) == ("all", 30)
    assert found.scorecard.metrics["r2"].value > 0.9
    assert found.to_json()["metrics"]["mean_absolute_error"]["value"] < 10


def test_what_it_was_trained_on_is_left_out_and_the_rest_has_the_runs_figures(
    levels: SavedPooledModel, bright: Path
) -> None:
    found = levels.evaluate(str(bright))
    splits = levels.run.metrics["splits"]
    assert found.ledger.counts() == {"seen in training": splits["train"]}
    assert found.items == splits["validation"] + splits["test"]


def test_a_number_is_answered_for_files_and_arrays(levels: SavedPooledModel, bright: Path) -> None:
    dark, light = (np.full((24, 24, 3), level, np.uint8) for level in (50, 190))
    missing = str(bright / "none.png")
    file, first, second, wrong = levels.predict([str(bright / "001.png"), dark, light, missing])
    assert first.answer < 1100 < second.answer
    assert file.label == f"{file.answer:.6g}"
    assert file.to_json() == {"id": file.id, "answer": file.answer, "label": file.label, "error": None, "notes": []}
    assert wrong.answer is None
    assert wrong.error is not None


def test_labels_are_answered_for_texts_as_they_are(tagger: SavedPooledModel) -> None:
    several, none = tagger.predict(["w1 w2 w3 w1 w30 w31 w32 w30", "w1 w2 w30 w31 w60 w61"])
    assert list(several.probabilities) == ["high", "low", "middle"]
    assert several.answer == [name for name, share in several.probabilities.items() if share >= 0.5]
    assert several.label == (", ".join(several.answer) or "no label")
    assert set(none.to_json()) == {"id", "answer", "label", "probabilities", "error", "notes"}


def test_labels_that_it_does_not_know_are_refused(tagger: SavedPooledModel, tmp_path: Path) -> None:
    lines = [{"text": f"w{number} w3", "labels": ["low", "odd"]} for number in range(4)]
    (tmp_path / "new.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with pytest.raises(DataError, match="among the 3 of the run, but got 'odd'; rename or remove them"):
        tagger.evaluate(str(tmp_path / "new.jsonl"))


def test_report_and_card_say_what_it_does(levels: SavedPooledModel, tagger: SavedPooledModel) -> None:
    for model, does in ((levels, "predicts a number (from 10"), (tagger, "gives any of 3 labels (high, low, middle)")):
        assert does in render_report(model.run.path)
        assert does.split("(")[0] in render_model_card(model.run.path)
