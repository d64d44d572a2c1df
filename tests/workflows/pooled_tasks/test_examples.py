"""Labels that are sets or numbers: read, split alike, and refused where nothing can be learned from them."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from tests.workflows.pooled_tasks.conftest import PHOTOS

from headstart.core.errors import DataError
from headstart.core.progress import Silent, Stopwatch
from headstart.workflows.arrange import DataOptions
from headstart.workflows.pooled_tasks.examples import gather
from headstart.workflows.pooled_tasks.multilabel import Multilabel
from headstart.workflows.pooled_tasks.regression import Regression
from headstart.workflows.recognised import recognised


def _gathered(kind, data: Path, **options):  # type: ignore[no-untyped-def]
    wanted = recognised(DataOptions(str(data), **options))
    return gather(kind, wanted, PHOTOS, progress=Silent(), watch=Stopwatch())


def test_splits_have_alike_shares_of_every_part_of_the_range(bright):
    examples = _gathered(Regression, bright)
    numbers = np.array([float(item.label) for item in examples.base.arranged.items])
    means = [numbers[examples.rows(split)].mean() for split in ("train", "validation", "test")]
    assert np.ptp(means) < 0.25 * numbers.std()
    train = examples.targets_of("train")
    assert train.mean() == pytest.approx(0, abs=1e-4)
    assert train.std() == pytest.approx(1, abs=1e-4)
    np.testing.assert_allclose(examples.problem.answers(examples.targets)[:, 0], numbers, rtol=1e-6)


def test_splits_have_alike_shares_of_every_label(coloured):
    examples = _gathered(Multilabel, coloured)
    for split, count in (("train", 52), ("validation", 12), ("test", 16)):
        targets = examples.targets_of(split)
        assert len(targets) == count
        np.testing.assert_allclose(targets.mean(axis=0), 0.5, atol=0.1)
    items = examples.base.arranged.items
    assert Counter(item.label for item in items) == {"[]": 20, '["red"]': 20, '["green"]': 20, '["green", "red"]': 20}


def test_what_is_learned_of_the_same_content_is_in_one_split(coloured, tmp_path):
    lines = [json.loads(line) for line in (coloured / "metadata.jsonl").read_text().splitlines()]
    for line in lines:
        content = (coloured / line["file_name"]).read_bytes()
        (tmp_path / line["file_name"]).write_bytes(content)
        (tmp_path / f"again {line['file_name']}").write_bytes(content)
    again = [{**line, "file_name": f"again {line['file_name']}"} for line in lines]
    (tmp_path / "metadata.jsonl").write_text("\n".join(map(json.dumps, [*lines, *again])))
    items = _gathered(Multilabel, tmp_path).base.arranged.items
    splits = {item.id.removeprefix("again "): item.split for item in items}
    assert len(items) == 160
    assert all(splits[item.id.removeprefix("again ")] == item.split for item in items)


def test_an_empty_cell_is_an_item_without_labels_and_none_without_a_number(bright, tmp_path):
    _with_labels(bright, tmp_path, ["a;b", "", "b", "a"] * 6)
    examples = _gathered(Multilabel, tmp_path)
    assert Counter(item.label for item in examples.base.arranged.items)["[]"] == 6
    assert examples.base.arranged.table.ledger.counts() == {}
    (tmp_path / "numbers").mkdir()
    examples = _gathered(Regression, _with_labels(bright, tmp_path / "numbers", ["1", "", "2", "3"] * 6))
    assert examples.base.arranged.table.ledger.counts() == {"empty cell": 6}


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["3", "4,5", "3 cm"] * 10, "Expected finite numbers such as 3.5 as labels .* but got '3 cm', '4,5'; name"),
        (["7"] * 30, "Expected numbers that differ between training items"),
        (["inf", "1", "2"] * 10, "but got 'inf'"),
    ],
)
def test_labels_that_are_no_numbers_are_refused(bright, tmp_path, labels, message):
    with pytest.raises(DataError, match=message):
        _gathered(Regression, _with_labels(bright, tmp_path, labels))


def test_sets_that_cannot_be_learned_are_refused(bright, tmp_path):
    with pytest.raises(DataError, match=r"Expected a list of labels, but got '\[a'"):
        _gathered(Multilabel, _with_labels(bright, tmp_path, ["[a", "b"] * 10))
    with pytest.raises(DataError, match="none of 20 has one"):
        _gathered(Multilabel, _with_labels(bright, tmp_path, ["[]"] * 30))


def test_a_label_that_training_never_meets_is_refused(bright, tmp_path):
    splits = ["train"] * 20 + ["test"] * 10
    labels = ["a;b", "b"] * 10 + ["a;c", "b;d"] * 5
    with pytest.raises(DataError, match="in training too, but 'c', 'd' are in other splits only"):
        _gathered(Multilabel, _with_labels(bright, tmp_path, labels, splits))


def test_strata_are_quantiles_and_rarest_labels():
    assert Regression.strata([str(number) for number in range(20)]) == ["quantile 0"] * 10 + ["quantile 1"] * 10
    assert Regression.strata(["1", "2"]) == ["quantile 0"] * 2
    assert Multilabel.strata(['["a", "b"]', '["a"]', "[]", '["a", "c"]', '["c"]']) == ["b", "a", "", "c", "c"]


def _with_labels(photos: Path, folder: Path, labels: list[str], splits: list[str] | None = None) -> Path:
    lines = []
    for number, label in enumerate(labels):
        (folder / f"{number:03d}.png").write_bytes((photos / f"{number:03d}.png").read_bytes())
        split = {"split": splits[number]} if splits else {}
        lines.append({"file_name": f"{number:03d}.png", "label": label, **split})
    (folder / "metadata.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder
