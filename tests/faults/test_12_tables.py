"""Fault 12: tables as they come, byte-order marks, Latin-1, semicolons, quoted newlines, empty cells, NaN labels,
duplicate headers: read, or the row and column named."""

import csv
import json
import sys

import pytest

from headstart.core.errors import DataError
from headstart.data.columns import Columns
from headstart.data.items import ItemTable
from headstart.data.readers.reading import read_data
from headstart.data.texts import decode
from headstart.modalities.text import TEXT


def read(path, **columns: str) -> ItemTable:
    return read_data(path, columns=Columns(**columns), wanted=TEXT)


def found(table: ItemTable) -> list[tuple[str, str | None]]:
    return [(decode(item.source.read()).whole, item.label) for item in table.items]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_unicode_with_and_without_a_byte_order_mark(tmp_path, encoding, kind):
    lines = {
        "csv": "text,label\nÄrger im Café,schlecht\nVoilà,gut\n",
        "jsonl": '{"text": "Ärger im Café", "label": "schlecht"}\n{"text": "Voilà", "label": "gut"}\n',
    }
    mark = "\ufeff" if encoding.endswith(("-le", "-be")) else ""
    (tmp_path / f"t.{kind}").write_bytes((mark + lines[kind]).encode(encoding))

    table = read(tmp_path / f"t.{kind}")

    assert found(table) == [("Ärger im Café", "schlecht"), ("Voilà", "gut")]
    assert not any("Latin-1" in note for note in table.ledger.notes)


def test_latin_1_is_read_and_noted(tmp_path):
    (tmp_path / "t.csv").write_bytes("text,label\nÄrger,schlecht\nFreude,gut\n".encode("latin-1"))

    table = read(tmp_path / "t.csv")

    assert found(table)[0] == ("Ärger", "schlecht")
    assert "t.csv is not valid UTF-8 and was read as Latin-1." in table.ledger.notes


def test_a_mark_that_lies_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"\xff\xfetext,label\n")  # an odd number of bytes
    with pytest.raises(DataError, match=r"t\.csv to be utf-16, as its first bytes announce"):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_quoted_newlines(tmp_path, delimiter):
    rows = [["text", "label"], [f"one{delimiter} and\r\nanother\nline", "a"], ['he said "no"', "b"]]
    with (tmp_path / "t.csv").open("w", newline="") as stream:
        csv.writer(stream, delimiter=delimiter).writerows(rows)

    table = read(tmp_path / "t.csv")

    assert found(table) == [(f"one{delimiter} and\nanother\nline", "a"), ('he said "no"', "b")]
    assert [item.id for item in table.items] == ["t.csv:2", "t.csv:5"]


def test_quotes_in_a_tab_separated_file_may_be_mere_characters(tmp_path):
    (tmp_path / "t.tsv").write_text('sentence\tlabel\n"a quote that opens\t0\nplain\t1\n5" discs" are old\t0\n')

    table = read(tmp_path / "t.tsv")

    assert found(table) == [('"a quote that opens', "0"), ("plain", "1"), ('5" discs" are old', "0")]
    assert "Quotes in t.tsv were read as characters of its cells." in table.ledger.notes


def test_quoted_newlines_in_a_tab_separated_file_stay_quoted(tmp_path):
    (tmp_path / "t.tsv").write_text('sentence\tlabel\n"two\nlines"\t0\nplain\t1\n')
    assert found(read(tmp_path / "t.tsv")) == [("two\nlines", "0"), ("plain", "1")]


def test_a_quote_that_never_ends_names_its_line(tmp_path):
    (tmp_path / "t.csv").write_text('text,label\nfine,a\n"never ends,b\nmore,a\n')
    with pytest.raises(DataError, match=r"t\.csv to be a table, but the row at line 3"):
        read(tmp_path / "t.csv")


def test_empty_cells_nan_labels_and_rows_of_other_lengths_are_named(tmp_path):
    (tmp_path / "t.csv").write_text(
        "text,label\ngood,1\n,0\n   ,1\nnothing said,\nnot a number,NaN\nbad,0\none,two,three\n\nfine,1\n"
    )

    table = read(tmp_path / "t.csv")

    assert found(table) == [("good", "1"), ("bad", "0"), ("fine", "1")]
    assert [(entry.id, entry.reason, entry.detail) for entry in table.ledger.excluded] == [
        ("t.csv, line 8", "malformed row", "3 cells where the header has 2"),
        ("t.csv, line 3", "empty cell", "nothing in 'text'"),
        ("t.csv, line 4", "empty cell", "nothing in 'text'"),
        ("t.csv:5", "empty cell", "t.csv, line 5: nothing in 'label'"),
        ("t.csv:6", "empty cell", "t.csv, line 6: nothing in 'label'"),
    ]


def test_missing_values_of_json_and_parquet(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    rows = [{"text": "a", "label": 1}, {"text": None, "label": 0}, {"label": 1}, {"text": "b", "label": float("nan")}]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, [*rows, {"text": 7, "label": 0}])))
    table = pa.table({"text": ["a", None, "b", "7"], "label": [1.0, 0.0, float("nan"), 0.0]})
    parquet.write_table(table, tmp_path / "t.parquet")

    assert found(read(tmp_path / "t.jsonl")) == found(read(tmp_path / "t.parquet")) == [("a", "1"), ("7", "0")]
    assert read(tmp_path / "t.jsonl").ledger.counts() == {"empty cell": 3}
    assert [item.id for item in read(tmp_path / "t.parquet").items] == ["t.parquet:1", "t.parquet:4"]


def test_json_lines_end_only_where_lines_end(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "a\u2028b\x85c", "label": 1}\n{"text": "d", "label": 0}\n')
    assert found(read(tmp_path / "t.jsonl"))[0][0] == "a\u2028b\x85c"


def test_headers_that_stand_twice_are_named(tmp_path):
    (tmp_path / "t.csv").write_text("text,text,label\na,b,1\n")
    with pytest.raises(DataError, match="the header has 'text' 2 times"):
        read(tmp_path / "t.csv")


def test_a_column_that_is_not_there_is_named(tmp_path):
    (tmp_path / "t.csv").write_text("text,label\na,1\n")
    with pytest.raises(DataError, match=r"the column for second texts, 'txet'.*did you mean 'text'"):
        read(tmp_path / "t.csv", item="label", second="txet")


def test_cells_longer_than_the_csv_library_allows_are_read(tmp_path):
    before = csv.field_size_limit()
    long = "word " * 100_000
    (tmp_path / "t.csv").write_text(f'text,label\n"{long}",1\nshort,0\n')

    assert len(found(read(tmp_path / "t.csv"))[0][0]) == len(long)
    assert csv.field_size_limit() == before


def test_a_cell_of_more_characters_than_a_text_may_have_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["headstart.data.readers.delimited"], "MOST_CHARACTERS", 1000)
    (tmp_path / "t.csv").write_text(f"text,label\nfine,1\n{'x' * 2000},0\n")
    with pytest.raises(DataError, match="the row at line 3 cannot be read: field larger"):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize("content", [b"PK\x03\x04\0\0", b"\x89PNG\0"])
def test_another_kind_of_file_under_a_tables_name_is_refused(tmp_path, content):
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError, match="to be text, but its bytes are not"):
        read(tmp_path / "t.csv")
