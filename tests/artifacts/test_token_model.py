"""A saved run answers and is judged: the same figures, new texts, files."""

from pathlib import Path

import numpy as np
import pytest
from tests.workflows.token_tasks.conftest import *  # noqa: F403 -- its fixtures
from tests.workflows.token_tasks.conftest import run_of

from headstart.artifacts.model_card import escaped, render_model_card
from headstart.artifacts.report.page import render_report
from headstart.artifacts.token_model import SavedTokenModel
from headstart.cli.summary import summary_lines
from headstart.core.errors import DataError
from headstart.core.run_folder import open_run


@pytest.fixture(scope="module")
def tagger(sentences: Path, small_bert: Path, tmp_path_factory: pytest.TempPathFactory) -> SavedTokenModel:
    run = run_of("tokens", sentences, small_bert, tmp_path_factory.mktemp("runs") / "people")
    return SavedTokenModel(open_run(run.path))


def test_its_figures_are_those_of_the_run(tagger: SavedTokenModel, sentences: Path) -> None:
    found = tagger.evaluate(str(sentences))
    assert (found.split, found.items) == ("test", 40)
    assert found.scorecard.metrics_json() == tagger.run.metrics["test"]
    assert found.to_json()["metrics"] == tagger.run.metrics["test"]


def test_what_it_was_trained_on_is_left_out(tagger: SavedTokenModel, sentences: Path) -> None:
    with pytest.raises(DataError, match="'seen in training': 120"):
        tagger.evaluate(str(sentences / "train.conll"))


def test_it_answers_sentences_and_files(tagger: SavedTokenModel, sentences: Path, tmp_path: Path) -> None:
    (tmp_path / "new.conll").write_text("w3\tO\nw12\tO\nw35\tO\n")
    (tmp_path / "plain.txt").write_text("w3 w12 w35\n")
    literal, file, plain = tagger.predict(["w3 w12 w35", str(tmp_path / "new.conll"), str(tmp_path / "plain.txt")])
    assert literal.id == "w3 w12 w35"
    assert literal.answer == file.answer == plain.answer
    assert len(literal.answer) == 3
    assert literal.label == tagger.problem.in_words(tagger.problem.unlabelled(literal.id), literal.answer)
    assert literal.to_json() == {
        "id": "w3 w12 w35",
        "answer": literal.answer,
        "label": literal.label,
        "error": None,
        "notes": [],
    }


def test_report_card_and_terminal_speak_of_what_decides(tagger: SavedTokenModel) -> None:
    does = "marks 1 kind of entities in sentences (person)"
    page, card = render_report(tagger.run.path), render_model_card(tagger.run.path)
    assert "Test entity F1" in page
    assert does in page
    assert f"A model that {escaped(does)}." in card
    assert "Validation entity F1" in card
    assert any(line.startswith("Test entity F1") for line in summary_lines(tagger.run.metrics))


def test_what_cannot_be_answered_has_an_error(tagger: SavedTokenModel, tmp_path: Path) -> None:
    (good, bad) = tagger.predict([str(tmp_path / "missing.txt"), "w3 w4"])
    assert good.error is None
    assert bad.answer is None
    assert bad.error
    (array,) = tagger.predict([np.zeros((2, 2))])
    assert (array.id, array.answer) == ("input 1", None)
    assert array.error == "Expected a text, a pair of texts or a path, but got ndarray."


def test_questions_are_answered_from_their_texts(questions: Path, small_bert: Path, tmp_path: Path) -> None:
    run = run_of("qa", questions, small_bert, tmp_path / "asked")
    model = SavedTokenModel(open_run(run.path))
    asked, pair = model.predict(["w1 ? w1 w2 w3 w4", ("w1 ?", "w1 w2 w3 w4")])
    assert asked.answer == pair.answer
    assert asked.answer in "w1 w2 w3 w4"
    assert model.evaluate(str(questions)).split == "all"
