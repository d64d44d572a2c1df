"""A table of measurements is told that pretrained perception does not apply; one that may hold more is not."""

import pytest

from headstart.core.errors import DataError
from headstart.data.columns import Columns
from headstart.data.readers.reading import read_data
from headstart.data.readers.tabular import column_kind
from headstart.modalities.image import IMAGE

IRIS = "sepal_length,sepal_width,species\n5.1,3.5,setosa\n7.0,3.2,versicolor\n"


def read(path):
    return read_data(path, columns=Columns(), wanted=IMAGE)


@pytest.mark.parametrize(
    "text",
    [
        IRIS,
        "5.1,3.5,setosa\n7.0,3.2,versicolor\n",  # no header at all
        "patient,age,smoker,stage\np-001,61,yes,II\np-002,47,no,\n",
        "age;weight;label\n61;80;ill\n47;75;well\n",
    ],
)
def test_measurements_have_nothing_to_transfer_to(tmp_path, text):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(DataError, match="table of numbers") as raised:
        read(tmp_path / "table.csv")
    assert "Pretrained perception does not apply" in str(raised.value)
    assert "HistGradientBoosting" in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "recording,loudness,label\na.wav,61,dog\nb.wav,47,cat\n",
        "review,stars,label\nA quiet and slow but beautiful film,4,good\nI left after the first hour,1,bad\n",
        "name,label\nsmith,a\njones,b\n",
    ],
)
def test_a_table_that_may_hold_more_is_asked_for_its_column(tmp_path, text):
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(DataError, match="--item-column"):
        read(tmp_path / "table.csv")


def test_parquet_numbers_are_measurements_too(tmp_path):
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table({"width": [1.5, 2.5], "count": [3, 4], "class": ["a", "b"]})
    parquet.write_table(table, tmp_path / "table.parquet")
    with pytest.raises(DataError, match="columns: 2 of numbers, 1 of categories"):
        read(tmp_path / "table.parquet")


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([1, 2.5, None], "numbers"),
        ([True, False], "categories"),
        ([b"\x89PNG"], "files"),
        ([{"bytes": b"x", "path": None}], "files"),
        (["", None], "nothing"),
        (["1.5", "n/a"], "categories"),
        (["scans/001.dcm"], "files"),
    ],
)
def test_what_a_column_holds(cells, kind):
    assert column_kind(cells) == kind
