"""Activations at the boundary: computed once per item and view, the same however they came to be."""

import hashlib
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from headstart.backbones.catalog import open_backbone
from headstart.core.errors import DataError, EngineError
from headstart.core.progress import Silent
from headstart.data.items import ArraySource, FileSource, Item, content_digest
from headstart.data.modality import MODALITIES
from headstart.features import boundary_cache, store
from headstart.features.boundary_cache import (
    Stopped,
    ViewedItems,
    Views,
    activation_rows,
    activation_shelf,
    activation_source,
    room_for,
    rounded,
)
from headstart.features.engines.contract import EngineSpec
from headstart.features.extraction import FeatureSource
from headstart.features.store import shelves
from headstart.features.trial import start_engine

IMAGE = MODALITIES["image"]
SPEC = EngineSpec("openvino", "f32")
STAGE = "stage2"
PLAIN, TWO = Views(0), Views(2, ("mirrored",), seed=5)


@pytest.fixture(scope="module")
def backbone(shared_cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        yield open_backbone("headstart:small_convnet", random_weights=True)


@pytest.fixture(autouse=True)
def empty_features(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "cache_home", lambda: tmp_path)


class Counting:
    """An engine that notes how many items go through it."""

    def __init__(self, backbone):
        self.engine, self.precision, self.batches = start_engine(SPEC, backbone, [STAGE], form="whole"), "f32", []

    def compute(self, batch):
        self.batches.append(len(batch))
        return self.engine.compute(batch)


@pytest.fixture
def engine(backbone):
    return Counting(backbone)


@pytest.fixture
def source(backbone, engine):
    return FeatureSource(backbone.card, (STAGE,), SPEC, lambda: engine)


def pictures(count, *, seed=0):
    generator = np.random.default_rng(seed)
    arrays = generator.integers(0, 256, (count, 40, 50, 3), dtype=np.uint8)
    return [Item(f"{seed}/{number}", ArraySource(array), label="a") for number, array in enumerate(arrays)]


def digests(items):
    return [content_digest(item.source.read()) for item in items]


def rows(items, source, *, view=0, views=PLAIN, **more):
    table = activation_rows(items, digests(items), view=view, views=views, source=source, modality=IMAGE, **more)
    return table.take(slice(None))


def test_rows_are_the_stages_whole_output_in_half_precision(backbone, source):
    items = pictures(5)
    inputs = np.stack([IMAGE.prepare(item.source.read(), backbone.card.preprocess).inputs for item in items])
    expected = start_engine(EngineSpec("torch", "f32"), backbone, [STAGE], form="whole").compute(inputs)[STAGE]
    found = rows(items, source)
    assert found.dtype == np.float16
    assert found.shape == (5, 8, 8, 64)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_each_item_and_view_is_computed_once(source, engine):
    items = pictures(10)
    first = [rows(items, source, view=view, views=TWO) for view in range(3)]
    assert sum(engine.batches) == 30
    again = [rows(items, source, view=view, views=TWO) for view in range(3)]
    assert sum(engine.batches) == 30
    for before, after in zip(first, again, strict=True):
        np.testing.assert_array_equal(before, after)
    rows([*items, *pictures(2, seed=1), items[0]], source)
    assert sum(engine.batches) == 32


def test_a_view_follows_from_seed_number_and_content_alone(source, engine, tmp_path, monkeypatch):
    items = pictures(6)
    together = rows(items, source, view=1, views=TWO)
    monkeypatch.setattr(store, "cache_home", lambda: tmp_path / "another")
    others = [replace(item, id=f"renamed {item.id}") for item in items[::-2]]
    np.testing.assert_array_equal(rows(others, source, view=1, views=replace(TWO, count=7)), together[::-2])
    assert sum(engine.batches) == 9  # not read from the first cache


def test_each_item_has_chances_of_its_own(source):
    picture = pictures(1)[0].source.read()
    nearly = picture.copy()
    nearly[0, 0, 0] ^= 1
    items = [Item("a", ArraySource(picture)), Item("b", ArraySource(nearly))]
    plain, changed = (
        [ViewedItems(items, digests(items), view, TWO, source, IMAGE).prepare(place).astype(int) for place in (0, 1)]
        for view in (0, 1)
    )
    assert np.abs(plain[0] - plain[1]).mean() < 0.1
    assert np.abs(changed[0] - changed[1]).mean() > 10


def test_views_seeds_and_invariances_differ(source):
    items = pictures(4)
    found = [
        rows(items, source, view=view, views=views)
        for view, views in [(0, TWO), (1, TWO), (2, TWO), (1, replace(TWO, seed=6)), (1, replace(TWO, invariances=()))]
    ]
    assert len({table.tobytes() for table in found}) == 5


def test_whatever_could_change_a_value_changes_the_place(source, monkeypatch):
    def folder(view=1, views=TWO, source=source, modality=IMAGE):
        return activation_shelf(view, views, source, modality).folder

    found = [
        folder(),
        folder(view=0),
        folder(view=2),
        folder(views=replace(TWO, seed=6)),
        folder(views=replace(TWO, invariances=())),
        folder(modality=replace(IMAGE, rule=lambda: "another rule")),
        folder(source=replace(source, stages=("stage3",))),
        folder(source=replace(source, spec=replace(SPEC, transform="source"))),
        folder(source=replace(source, card=replace(source.card, sha256="0" * 64))),
    ]
    monkeypatch.setattr(boundary_cache, "version", lambda name: "another version")
    found.append(folder())
    assert len(set(found)) == len(found)
    assert folder(view=0) == folder(view=0, views=PLAIN)
    assert folder() == folder(views=replace(TWO, count=9))


def test_the_sources_own_transform_is_used_where_it_was_admitted(backbone, source):
    (item,) = items = pictures(1)
    by_source = replace(source, spec=replace(SPEC, transform="source"))
    inputs = ViewedItems(items, digests(items), 0, PLAIN, by_source, IMAGE).prepare(0)
    expected = IMAGE.prepare_reference(item.source.read(), backbone.card.preprocess)
    np.testing.assert_array_equal(inputs, expected)


def test_a_row_is_rounded_by_its_own_values_alone():
    given = np.array([[0.1, 1000.1], [0.1, 1e6], [0.0, -65504.0]], dtype=np.float32)
    found = rounded(given)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0], given[0].astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(found[1], given[1])
    assert rounded(given[:1]).dtype == np.float16
    np.testing.assert_array_equal(rounded(given[:1])[0].astype(np.float32), found[0])


class Asked:
    """Says stop when it has been asked a number of times."""

    def __init__(self, times):
        self.left = times

    def __call__(self):
        self.left -= 1
        return self.left < 0


def test_what_was_computed_before_a_stop_is_kept(source, engine):
    items = pictures(150)
    with pytest.raises(Stopped):
        rows(items, source, stop=Asked(1))
    assert sum(engine.batches) == 64
    rows(items, source)
    assert sum(engine.batches) == 150


def test_nobody_is_asked_where_nothing_is_missing(source):
    items = pictures(3)
    rows(items, source)
    assert len(rows(items, source, stop=Asked(0))) == 3


def test_shards_are_bounded_in_bytes(source, monkeypatch):
    row = 8 * 8 * 64 * 2
    monkeypatch.setattr(boundary_cache, "SHARD_BYTES", 10 * row)
    rows(pictures(64 + 25), source)
    (shelf,) = shelves()
    assert sorted(len(np.load(file, mmap_mode="r")) for file in shelf.folder.glob("*.npy")) == [5, 10, 10, 64]


KILLED = """
import os, signal, sys
import numpy as np
from headstart.backbones.catalog import open_backbone
from headstart.data.items import ArraySource, Item, content_digest
from headstart.data.modality import MODALITIES
from headstart.features import boundary_cache
from headstart.features.boundary_cache import Views, activation_rows, activation_source
from headstart.features.engines.contract import EngineSpec
boundary_cache.SHARD_BYTES = 1
arrays = np.random.default_rng(0).integers(0, 256, (70, 40, 50, 3), dtype=np.uint8)
items = [Item(str(number), ArraySource(array)) for number, array in enumerate(arrays)]
digests = [content_digest(array) for array in arrays]
source = activation_source(open_backbone("headstart:small_convnet", random_weights=True),
                           EngineSpec("openvino", "f32"), "stage2")
asked = 0
def stop():
    global asked
    asked += 1
    if asked == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return False
activation_rows(items, digests, view=0, views=Views(0), source=source, modality=MODALITIES["image"], stop=stop)
"""


def test_after_a_kill_only_the_rest_is_computed(source, engine, shared_cache, monkeypatch):
    environment = {**os.environ, "HEADSTART_CACHE": str(shared_cache)}
    code = subprocess.run([sys.executable, "-c", KILLED], env=environment, check=False).returncode
    assert code == -signal.SIGKILL
    monkeypatch.setattr(store, "cache_home", lambda: shared_cache)
    items = pictures(70)
    assert len(rows(items, source)) == 70
    assert sum(engine.batches) == 70 - (64 + 1 + 1)


def test_all_that_is_gone_or_changed_is_named_and_the_rest_is_kept(source, engine, tmp_path):
    from PIL import Image

    paths = [tmp_path / name for name in ("gone.png", "changed.png", "broken.png")]
    for path, colour in zip(paths, ("red", "green", "blue"), strict=True):
        Image.new("RGB", (40, 40), colour).save(path)
    paths[2].write_bytes(b"\x89PNG\r\n\x1a\n broken")
    items = [*pictures(2), *(Item(path.name, FileSource(path)) for path in paths)]
    before = digests(items)
    paths[0].unlink()
    Image.new("RGB", (40, 40), "white").save(paths[1])
    with pytest.raises(DataError, match=r"gone\.png: .*No such file(?s:.*)changed\.png: (?s:.*)broken\.png: "):
        activation_rows(items, before, view=1, views=TWO, source=source, modality=IMAGE)
    assert rows(items[:2], source, view=1, views=TWO).shape[0] == 2
    assert sum(engine.batches) == 2


def test_what_is_not_finite_is_refused_and_not_kept(source, engine):
    class Broken:
        precision = "f32"

        def compute(self, batch):
            return {STAGE: np.full((len(batch), 8, 8, 64), np.inf, np.float32)}

    with pytest.raises(EngineError, match="NaN or infinity"):
        rows(pictures(2), replace(source, start=Broken))
    rows(pictures(2), source)
    assert sum(engine.batches) == 2


def test_no_view_in_use_is_evicted_while_another_is_filled(source, engine, monkeypatch):
    stranger = store.Shelf({"kind": "features"})
    stranger.add([hashlib.sha256(b"a").hexdigest()], np.ones((1, 4)))
    monkeypatch.setattr(store, "cache_limit", lambda: 1)
    for view in (0, 1, 2):
        rows(pictures(3), source, view=view, views=TWO)
    assert [shelf.about["kind"] for shelf in shelves()] == ["activations"] * 3
    assert not stranger.folder.exists()


def test_progress_counts_every_missing_item(source):
    heard = []

    class Listening(Silent):
        def start(self, step, *, total=None):
            heard.append(total)

        def advance(self, amount=1):
            heard.append(-amount)

    rows(pictures(70), source, progress=Listening())
    assert heard[0] == 70
    assert sum(heard) == 0


def test_the_engine_of_a_source_is_started_once(backbone):
    source = activation_source(backbone, SPEC, STAGE)
    assert source.start() is source.start()


def test_there_is_room_up_to_the_limit_and_a_share_of_the_free_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(boundary_cache, "cache_home", lambda: tmp_path / "not" / "yet")
    monkeypatch.setattr(boundary_cache.shutil, "disk_usage", lambda place: type("Usage", (), {"free": 1000}))
    monkeypatch.setattr(boundary_cache, "cache_limit", lambda: 2000)
    assert room_for(800)
    assert not room_for(801)
    monkeypatch.setattr(boundary_cache, "cache_limit", lambda: 500)
    assert room_for(500)
    assert not room_for(501)
