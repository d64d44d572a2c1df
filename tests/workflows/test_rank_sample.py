"""What backbones are ranked on: training examples and nothing else, each content once."""

import shutil

import numpy as np
import pytest
from tests.conftest import draw_shapes

from headstart.core.errors import DataError, UsageError
from headstart.core.progress import Silent, Stopwatch
from headstart.data.columns import Columns
from headstart.data.items import SPLITS, FileSource, class_indices
from headstart.workflows.arrange import DataOptions
from headstart.workflows.gather import BackboneOptions, gather
from headstart.workflows.rank_sample import FIRST_LOOK, HALVES, read_sample


def sample_of(data, *, most=None, **options):
    return read_sample(DataOptions(str(data), **options), most=most, progress=Silent())


def unreadable(monkeypatch, part):
    """The disk refuses every file whose path holds this."""
    read = FileSource.read

    def refuse(self):
        if part in str(self.path):
            raise OSError(5, "Input/output error")
        return read(self)

    monkeypatch.setattr(FileSource, "read", refuse)


def test_it_is_what_a_fit_trains_on(shapes):
    quick = BackboneOptions("headstart:small_convnet", random_weights=True)
    arranged = gather(DataOptions(str(shapes), seed=3), quick, progress=Silent(), watch=Stopwatch()).arranged
    trained = {arranged.items[row].id for row in arranged.rows("train")}
    assert {item.id for item in sample_of(shapes, seed=3).items} == trained
    assert {item.id for item in sample_of(shapes, seed=4).items} != trained


def test_labels_outside_training_decide_nothing(tmp_path):
    for name in ("right", "wrong"):
        for split, seed in (("train", 1), ("val", 2), ("test", 3)):
            draw_shapes(tmp_path / name / split, per_class=10, seed=seed)
    for split in ("val", "test"):
        folder = tmp_path / "wrong" / split
        (folder / "disc").rename(folder / "x")
        (folder / "square").rename(folder / "disc")
        (folder / "x").rename(folder / "square")
    right, wrong = sample_of(tmp_path / "right"), sample_of(tmp_path / "wrong")
    assert len(right.items) == 20
    assert right.identity == wrong.identity


def test_a_content_counts_once_and_what_cannot_be_read_not_at_all(tmp_path, monkeypatch):
    data = draw_shapes(tmp_path / "data" / "train", per_class=10)
    draw_shapes(tmp_path / "data" / "test", per_class=5, seed=1)
    draw_shapes(tmp_path / "data" / "val", per_class=5, seed=2)
    shutil.copy(data / "disc" / "000.png", data / "disc" / "again.png")
    unreadable(monkeypatch, "disc/001.png")
    sample = sample_of(tmp_path / "data")
    assert len(set(sample.digests)) == len(sample.digests) == len(sample.items) == 19


def test_only_so_many_labels_are_known_where_a_fit_knows_no_more(shapes):
    assert np.bincount(sample_of(shapes, per_class=10).labels).tolist() == [8, 8]


def test_every_beginning_is_a_fair_sample_of_its_own(shapes):
    sample = sample_of(shapes)
    start = sample.first(20)
    assert start.items == sample.items[:20] == sample_of(shapes, most=20).items
    assert np.bincount(start.labels).tolist() == [10, 10]
    assert len(sample.first_look().items) == min(FIRST_LOOK, len(sample.items))
    np.testing.assert_array_equal(start.labels, class_indices(start.items, ["disc", "square"]))


def test_halves_are_the_same_for_everybody(shapes):
    sample = sample_of(shapes)
    assert sample.halves().shape == (HALVES, len(sample.items))
    np.testing.assert_array_equal(sample.halves(), sample_of(shapes).halves())


def test_another_label_or_content_is_another_identity(tmp_path):
    data = draw_shapes(tmp_path / "data", per_class=12)
    before = sample_of(data).identity
    assert sample_of(data).identity == before
    draw_shapes(data, per_class=12, seed=1)
    assert sample_of(data).identity != before


def test_one_group_is_too_few(shapes, tmp_path):
    copied = shutil.copytree(shapes, tmp_path / "shapes")
    files = sorted(path for path in copied.rglob("*") if path.is_file())
    rows = [
        f"{path.relative_to(tmp_path)},{path.parent.name},{'abc'[n % 3]},{SPLITS[n % 3]}"
        for n, path in enumerate(files)
    ]
    (tmp_path / "table.csv").write_text("\n".join(["path,label,who,split", *rows]))
    with pytest.raises(DataError, match="two groups or more to train on"):
        sample_of(tmp_path / "table.csv", columns=Columns(group="who"))


def test_one_readable_class_is_too_few(tmp_path, monkeypatch):
    draw_shapes(tmp_path / "data", per_class=10)
    unreadable(monkeypatch, "/disc/")
    with pytest.raises(DataError, match="two classes or more"):
        sample_of(tmp_path / "data")


def test_examples_that_cannot_stand_for_all_classes_are_too_few(tmp_path):
    folder = draw_shapes(tmp_path / "data", per_class=12, classes=tuple("abcdef"))
    with pytest.raises(UsageError, match="of 6 classes, but got 20; make it 24 or more"):
        read_sample(DataOptions(str(folder)), most=20, progress=Silent())


def test_a_class_of_one_is_said_before_anything_is_ranked(tmp_path):
    folder = draw_shapes(tmp_path / "data", per_class=12, classes=("a", "b"))
    draw_shapes(folder, per_class=1, classes=("c",))
    heard = []

    class Listener(Silent):
        def say(self, message):
            heard.append(message)

    read_sample(DataOptions(str(folder)), progress=Listener())
    assert heard[0] == "Warning: 1 class has one example to learn from, and nothing to choose by: 'c'."
