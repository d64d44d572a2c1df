"""Fault 13: paths in a table that leave its folder, absolute ones, links out and URLs are refused, all at once."""

from pathlib import Path

import pytest

from headstart.core.errors import DataError
from headstart.data.columns import Columns
from headstart.data.readers.reading import read_data
from headstart.modalities.image import IMAGE

FORBIDDEN = (
    "../secret.png",
    "/etc/passwd",
    "https://example.org/a.png",
    "link.png",
    "up/secret.png",
    "a/../../secret.png",
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "inside"
    inside.mkdir()
    for place in (tmp_path / "secret.png", inside / "a.png"):
        place.write_bytes(b"\x89PNG")
    (inside / "link.png").symlink_to(tmp_path / "secret.png")
    (inside / "up").symlink_to(tmp_path)
    return inside


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_all_forbidden_rows_stand_in_one_error(folder, kind):
    if kind == "csv":
        rows = "path,label\na.png,x\n" + "".join(f"{path},y\n" for path in FORBIDDEN)
    else:
        rows = "".join(f'{{"path": "{path}", "label": "y"}}\n' for path in FORBIDDEN)
    (folder / f"t.{kind}").write_text(rows)

    with pytest.raises(DataError) as caught:
        read_data(folder / f"t.{kind}", wanted=IMAGE)

    first = 3 if kind == "csv" else 1
    for line, path in enumerate(FORBIDDEN, first):
        assert f"line {line}: {path!r}" in str(caught.value)


def test_at_most_20_are_shown(folder):
    (folder / "t.csv").write_text("path,label\n" + "".join(f"../{n}.png,x\n" for n in range(50)))

    with pytest.raises(DataError, match="50 are not") as caught:
        read_data(folder / "t.csv", wanted=IMAGE)

    assert str(caught.value).count("leads out") == 20
    assert "and 30 more" in str(caught.value)


def test_metadata_in_a_folder_is_held_to_the_same(folder):
    (folder / "metadata.csv").write_text("file_name,label\n../secret.png,x\n")

    with pytest.raises(DataError, match="leads out of the folder"):
        read_data(folder, wanted=IMAGE)


def test_parquet_paths_are_held_to_the_same(folder):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(
        pa.table({"image": [{"bytes": None, "path": "/etc/passwd"}], "label": ["x"]}), folder / "t.parquet"
    )

    with pytest.raises(DataError, match="absolute path"):
        read_data(folder / "t.parquet", columns=Columns(item="image"), wanted=IMAGE)
