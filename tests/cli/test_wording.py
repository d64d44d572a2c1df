"""What check and predict print of photos, texts and recordings alike."""

from dataclasses import replace

import pytest

from headstart.artifacts.predict import Prediction
from headstart.cli import check, predict
from headstart.workflows.check import CheckReport

REPORT = CheckReport(
    origin="notes.csv",
    classes={"good": {"none": 3}, "bad": {"none": 1}},
    items=1234,
    readable=1233,
    item_word="text",
    size={"smallest": [4, 1], "largest": [12345, 2000]},
    size_name="characters and words",
    excluded={"empty": 1},
    ledger={"excluded": [{"id": "notes.csv:9", "reason": "empty", "detail": ""}], "ignored": [], "notes": []},
    duplicates=[],
    near=[],
    splits={},
    errors=(),
    warnings=(),
    suitability=None,
    not_looked_at="only the data were asked for",
)


def test_check_counts_what_there_is_and_says_what_its_size_is() -> None:
    lines = check._lines(REPORT)
    assert lines[0] == "notes.csv: 1,233 of 1,234 texts can be read, 2 classes"
    assert "Characters and words: smallest 4 and 1, largest 12,345 and 2,000" in lines
    one = replace(REPORT, items=1, readable=1, item_word="recording", classes={"tap": {"none": 1}})
    assert check._lines(one)[0] == "notes.csv: 1 of 1 recording can be read, 1 class"


def test_a_text_that_is_predicted_takes_one_line_and_cannot_steer_the_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answers = {"good": 0.75, "bad": 0.25}
    texts = ["short", "Begins\nhere " + "and goes on " * 40 + "to the end.", "\x1b[2Jgone"]
    predict._print_table([Prediction(text, "good", 0.75, answers) for text in texts])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and len({line.index(" good ") for line in lines}) == 1
    assert lines[1].startswith("Begins here and") and " … " in lines[1] and "to the end.  good" in lines[1]
    assert max(map(len, lines)) < 140 and all(line.isprintable() for line in lines)


def test_a_note_is_said_once_for_all_inputs_of_which_it_is_true() -> None:
    row = Prediction("a", "good", 0.75, {"good": 0.75, "bad": 0.25}, notes=("was cut off", "is silent"))
    rows = [row, replace(row, id="b", notes=("was cut off",)), replace(row, id="c", notes=())]
    assert predict._notes(rows) == ["2 inputs: was cut off", "a: is silent"]
