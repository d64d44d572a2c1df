"""Inputs of different lengths: whatever stands beside an item, and wherever it is kept, its numbers are its own."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.tiny_texts import BLOCK, tiny_text_backbone, tiny_texts

from headstart.backbones.preprocess import as_batch
from headstart.core.errors import StorageError
from headstart.data.items import BytesSource
from headstart.data.modality import MODALITIES
from headstart.features import boundary_cache, extraction, store
from headstart.features.boundary_cache import Views, activation_rows, activation_shelf, activation_source
from headstart.features.engines.contract import EngineSpec
from headstart.features.extraction import FeatureSource, extract, read_digests
from headstart.features.trial import start_engine

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

TEXT = MODALITIES["text"]
SPECS = [EngineSpec("openvino", "f32"), EngineSpec("torch", "f32")]
LENGTHS = [3, 60, 1, 17, 40, 9, 25, 2, 33, 50, 6, 12, 5, 21]
PLAIN = Views(0)


@pytest.fixture(scope="module")
def backbone(shared_cache, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        yield tiny_text_backbone(tmp_path_factory.mktemp("models"))


@pytest.fixture(autouse=True)
def empty_features(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "cache_home", lambda: tmp_path)


@pytest.fixture
def items():
    return tiny_texts(LENGTHS)


def inputs_of(items, backbone):
    return [TEXT.prepare(item.source.read(), backbone.card.preprocess).inputs for item in items]


def alone(items, backbone, stage):
    """Each item by itself, without any padding, by the torch module: whole and the mean over its tokens."""
    module, whole = backbone.load(), []
    with torch.inference_mode():
        for values in inputs_of(items, backbone):
            hidden, context = backbone.card.preprocess.entrance()(torch.from_numpy(values[None]))
            whole.append(module(hidden, stop=module.position(stage) + 1, context=context)[0].numpy())
    return whole, np.stack([rows.mean(axis=0) for rows in whole])


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_pooled_features_leave_padding_out(spec, items, backbone):
    _, expected = alone(items, backbone, BLOCK)
    batch = as_batch(inputs_of(items, backbone))
    found = start_engine(spec, backbone, [BLOCK]).compute(batch)[BLOCK]
    np.testing.assert_allclose(found, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_whole_activations_stand_where_their_tokens_stand(spec, items, backbone):
    expected, _ = alone(items, backbone, BLOCK)
    batch = as_batch(inputs_of(items, backbone))
    found = start_engine(spec, backbone, [BLOCK], form="whole").compute(batch)[BLOCK]
    assert found.shape == (*batch.shape, 32)
    for row, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(row[: len(theirs)], theirs, atol=1e-4, rtol=1e-4)


def test_sums_that_leave_half_precision_do_not_make_the_mean_infinite(backbone):
    hidden = torch.full((2, 600, 3), 200.0, dtype=torch.float16)
    context = torch.zeros(2, 600, dtype=torch.int64)
    context[0, 5:] = -1
    found = backbone.load().pooled(hidden, BLOCK, context)
    torch.testing.assert_close(found, torch.full((2, 3), 200.0))


def test_a_pass_sorts_by_length_and_gives_back_in_order(items, backbone, monkeypatch):
    monkeypatch.setattr(extraction, "BATCH", 4)
    _, expected = alone(items, backbone, BLOCK)
    widths, engine = [], start_engine(SPECS[0], backbone, [BLOCK])

    class Noting:
        precision = "f32"

        def compute(self, batch):
            widths.append(batch.shape[1])
            return engine.compute(batch)

    broken = replace(items[0], id="broken", source=BytesSource(b"\x00\x01\xff\xfe\x00"))
    some = [items[0], broken, *items[1:]]
    source = FeatureSource(backbone.card, (BLOCK,), SPECS[0], Noting)
    found = extract(some, read_digests(some), modality=TEXT, source=source)
    assert widths == sorted(widths)
    assert len(widths) == 4
    assert list(found.failures) == [1]
    rows = found.features[BLOCK].take(slice(None))
    np.testing.assert_allclose(rows, expected, atol=0.02, rtol=2e-3)


def test_kept_activations_are_each_items_own_in_few_shards(items, backbone, monkeypatch):
    monkeypatch.setattr(boundary_cache, "BATCH", 4)
    monkeypatch.setattr(extraction, "BATCH", 4)
    monkeypatch.setattr(boundary_cache, "SHARD_BYTES", 64 * 32 * 2 * 6)
    many = [*items, *tiny_texts(LENGTHS * 3, seed=1)]
    expected, _ = alone(many, backbone, BLOCK)
    source = activation_source(backbone, SPECS[0], BLOCK)
    digests = read_digests(many).values
    table = activation_rows(many, digests, view=0, views=PLAIN, source=source, modality=TEXT)
    for place in range(len(many)):
        row = table.take(np.array([place]))[0]
        assert len(row) >= len(expected[place])
        np.testing.assert_allclose(row[: len(expected[place])], expected[place], atol=0.02, rtol=2e-3)
    rows = table.take(slice(None))
    assert rows.shape == (len(many), 64, 32)
    folder = activation_shelf(0, PLAIN, source, TEXT).folder
    shards = [np.load(path, mmap_mode="r") for path in folder.glob("*.rows.npy")]
    # Of one shard after the other at most two lengths, where as many as there are batches would be possible.
    assert len(shards) <= 12
    assert max(shard.nbytes for shard in shards) <= boundary_cache.SHARD_BYTES


def test_too_many_open_files_are_no_missing_rows(items, backbone, monkeypatch):
    shelf = store.Shelf({"kind": "a"})
    shelf.add(["0" * 64], np.zeros((1, 2)))

    def refuse(*_, **__):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(np, "load", refuse)
    with pytest.raises(StorageError, match="ulimit -n"):
        store.Shelf({"kind": "a"}).missing(["0" * 64])
