import json
from pathlib import Path
from typing import Any

import pytest

from headstart.core.errors import DataError, UsageError
from headstart.data.columns import Columns
from headstart.data.questions import Answer, Question, question_of
from headstart.data.readers.squad import read_squad

CONTEXT = "It rains in Bergen. Bergen is wet."


def asked(id: str, *answers: tuple[int, str], **more: Any) -> dict[str, Any]:  # noqa: A002
    given = [{"answer_start": start, "text": text} for start, text in answers]
    return {"id": id, "question": f"Question {id}?", "answers": given, **more}


def written(folder: Path, *questions: dict[str, Any], name: str = "data.json", title: str = "Bergen") -> Path:
    folder.mkdir(exist_ok=True)
    article = {"title": title, "paragraphs": [{"context": CONTEXT, "qas": list(questions)}]}
    (folder / name).write_text(json.dumps({"version": "1.1", "data": [article]}), encoding="utf-8")
    return folder / name


def test_questions_with_their_answers_and_articles(tmp_path: Path) -> None:
    path = written(tmp_path, asked("a", (12, "Bergen"), (20, "Bergen"), (12, "Bergen")), asked("b", (30, "wet")))
    first, second = read_squad(str(path)).items
    assert (first.id, first.group, first.split) == ("a", "Bergen", None)
    answers = (Answer(12, "Bergen"), Answer(20, "Bergen"))
    assert question_of(first) == Question("Question a?", CONTEXT, answers)
    assert question_of(second).texts == ["wet"]
    assert CONTEXT[answers[1].start : answers[1].end] == "Bergen"


def test_unanswerable_and_unanswered_questions_are_told_apart(tmp_path: Path) -> None:
    path = written(tmp_path, asked("no", is_impossible=True, plausible_answers=[{"text": "wet"}]), asked("open"))
    no, unanswered = map(question_of, read_squad(str(path)).items)
    assert (no.answers, unanswered.answers) == ((), None)


def test_an_answer_out_of_its_place_is_left_out_and_its_nearest_place_named(tmp_path: Path) -> None:
    path = written(tmp_path, asked("a", (19, "Bergen")), asked("b", (0, "Oslo")), asked("c", (-3, "et."), (30, "wet")))
    table = read_squad(str(path))
    assert [item.id for item in table.items] == ["c"]
    assert question_of(table.items[0]).answers == (Answer(30, "wet"),)
    assert [(entry.id, entry.reason) for entry in table.ledger.excluded] == [
        ("a", "answer not in its place"),
        ("b", "answer not in its place"),
    ]
    assert table.ledger.excluded[0].detail == (
        "Expected 'Bergen' at character 19, but there stands ' Berge'; it stands at 20"
    )
    assert table.ledger.excluded[1].detail.endswith("it stands nowhere in the text")
    assert len(table.ledger.notes) == 1


def test_files_of_a_folder_are_splits_and_repeated_ids_are_left_out(tmp_path: Path) -> None:
    written(tmp_path / "d", asked("a", (12, "Bergen")), asked("c", (3, "rains")), name="train-v2.0.json")
    written(tmp_path / "d", asked("a", (12, "Bergen")), asked("b", (30, "wet")), name="dev-v2.0.json", title="Rain")
    table = read_squad(str(tmp_path / "d"))
    assert {item.id: item.split for item in table.items} == {"a": "test", "b": "test", "c": "train"}
    assert [(entry.id, entry.reason) for entry in table.ledger.excluded] == [("a", "repeated id")]


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"data": [{"paragraphs": [{}]}]}', '{"data": 3}', "no JSON", '{"data": [[1]]}']
)
def test_another_layout_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"in the layout of SQuAD"):
        read_squad(str(tmp_path / "a.json"))


def test_nothing_to_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing at"):
        read_squad(str(tmp_path / "nowhere.json"))
    with pytest.raises(DataError, match="found none"):
        read_squad(str(tmp_path))
    with pytest.raises(UsageError, match="no columns"):
        read_squad(str(written(tmp_path, asked("a", (12, "Bergen")))), columns=Columns(label="x"))


def test_every_answer_of_xquad_stands_in_its_place(real_data: Path) -> None:
    table = read_squad(str(real_data / "xquad_en" / "xquad.en.json"))
    assert len(table.items) == 1190
    assert len({item.group for item in table.items}) == 48
    assert not table.ledger.excluded
    for item in table.items:
        question = question_of(item)
        assert question.answers
        assert all(question.context[answer.start : answer.end] == answer.text for answer in question.answers)
