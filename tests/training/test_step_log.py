import json
from pathlib import Path

import pytest

from headstart.core.errors import RunFolderError, StorageError
from headstart.training.step_log import StepLog


def entries(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_entries_are_lines_that_listeners_hear_too(tmp_path: Path) -> None:
    heard: list[object] = []
    log = StepLog(tmp_path / "new" / "log.jsonl", [heard.append], training="small")
    log.write({"step": 1, "loss": 0.5})
    log.write({"step": 2, "loss": 0.25})
    assert entries(log.path) == heard == [{"training": "small", "step": n, "loss": 1 / 2**n} for n in (1, 2)]


def test_rewinding_forgets_what_came_later_and_nothing_else(tmp_path: Path) -> None:
    first = StepLog(tmp_path / "log.jsonl", training="first")
    first.write({"step": 1})
    second = StepLog(first.path, training="second")
    here = second.position
    second.write({"step": 1})
    with first.path.open("a") as stream:
        stream.write('{"training": "second", "st')  # the process was killed in the middle of a line
    second.rewind(here)
    second.write({"step": 7})
    assert [(entry["training"], entry["step"]) for entry in entries(first.path)] == [("first", 1), ("second", 7)]


def test_a_log_that_somebody_shortened_is_not_filled_up(tmp_path: Path) -> None:
    log = StepLog(tmp_path / "log.jsonl")
    log.write({"step": 1})
    with pytest.raises(RunFolderError, match="delete its folder to begin anew"):
        log.rewind(log.position + 1)
    StepLog(tmp_path / "none.jsonl").rewind(0)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"log\.jsonl"):
        StepLog(tmp_path / "file" / "log.jsonl").write({})
