"""Running text, read and divided."""

from __future__ import annotations

import pytest

from headstart.core.errors import DataError
from headstart.data import text_streams
from headstart.data.text_streams import LONG_LINE, read_streams, read_text


def _lines(name: str, count: int) -> str:
    return "".join(f"{name} line number {place}, short\n" for place in range(count))


def test_one_file_is_divided_where_it_goes_on(tmp_path):
    text = _lines("one", 100)
    (tmp_path / "book.txt").write_text(text)
    streams = read_streams(str(tmp_path / "book.txt"))
    assert streams.train + streams.validation + streams.test == text
    assert 0.08 < len(streams.test) / len(text) < 0.12
    assert 0.08 < len(streams.validation) / len(text) < 0.12
    assert streams.name == "book"
    assert streams.notes


def test_of_two_named_files_the_second_is_judged_on(tmp_path):
    for name in ("valid", "test"):
        (tmp_path / f"{name}.txt").write_text(_lines(name, 50))
    streams = read_streams(str(tmp_path))
    assert streams.test == _lines("test", 50)
    assert streams.train + streams.validation == _lines("valid", 50)
    assert "valid.txt is learned from and test.txt judged on" in streams.notes[0]


def test_three_named_files_are_three_splits_whatever_the_order(tmp_path):
    for name in ("train", "valid", "test"):
        (tmp_path / f"wiki.{name}.txt").write_text(_lines(name, 5))
    streams = read_streams(str(tmp_path))
    assert (streams.train, streams.validation, streams.test) == tuple(
        _lines(name, 5) for name in ("train", "valid", "test")
    )


def test_long_lines_that_are_judged_on_are_not_learned_from(tmp_path):
    long = "x" * LONG_LINE
    (tmp_path / "train.txt").write_text(_lines("train", 50).replace("\n", f"\n{long}\n", 1))
    (tmp_path / "test.txt").write_text(f"{long}\nshort\n")
    streams = read_streams(str(tmp_path))
    assert long not in streams.train + streams.validation
    assert any("left out" in note for note in streams.notes)


def test_a_file_in_pieces_is_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(text_streams, "_PIECE", 100)
    text = _lines("ü€", 40) + "\n" * 250 + "end"
    (tmp_path / "book.txt").write_text(text, encoding="utf-8")
    assert read_text(tmp_path / "book.txt") == text
    (tmp_path / "marked.txt").write_text(text, encoding="utf-16")
    assert read_text(tmp_path / "marked.txt") == text


@pytest.mark.parametrize("content", [b"", b"a\0b"])
def test_what_is_no_text_is_refused_by_name(tmp_path, content):
    (tmp_path / "book.txt").write_bytes(content)
    with pytest.raises(DataError, match="book"):
        read_streams(str(tmp_path / "book.txt"))


def test_a_folder_without_text_is_refused(tmp_path):
    with pytest.raises(DataError, match="name one"):
        read_streams(str(tmp_path))
