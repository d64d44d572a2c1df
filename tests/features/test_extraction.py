"""One pass over the data: what is computed, what is read back, what is named."""

import numpy as np
import pytest

from headstart.backbones.catalog import open_backbone
from headstart.core.errors import EngineError
from headstart.data.items import ArraySource, FileSource, Item
from headstart.data.modality import MODALITIES
from headstart.features import extraction, store
from headstart.features.engines.contract import EngineSpec
from headstart.features.extraction import FeatureSource, extract, read_digests
from headstart.features.trial import reference_spec, start_engine

IMAGE = MODALITIES["image"]
F32 = EngineSpec("openvino", "f32")


@pytest.fixture(scope="module")
def backbone(shared_cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        yield open_backbone("headstart:small_convnet", random_weights=True)


@pytest.fixture(autouse=True)
def empty_features(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "cache_home", lambda: tmp_path)


def pictures(count, *, seed=0):
    generator = np.random.default_rng(seed)
    arrays = generator.integers(0, 256, (count, 40, 50, 3), dtype=np.uint8)
    return [Item(f"{seed}/{number}", ArraySource(array), label="a") for number, array in enumerate(arrays)]


class Counting:
    """An engine that counts what goes through it."""

    def __init__(self, backbone, stages, spec):
        self.engine, self.precision, self.batches = start_engine(spec, backbone, stages), spec.precision, []

    def compute(self, batch):
        self.batches.append(len(batch))
        return self.engine.compute(batch)


def run(items, backbone, *, stages=None, spec=F32):
    stages = stages or [backbone.card.top.name]
    engine = Counting(backbone, stages, spec)
    source = FeatureSource(backbone.card, stages, spec, lambda: engine)
    return extract(items, read_digests(items), modality=IMAGE, source=source), sum(engine.batches)


def test_a_tenth_more_items_cost_a_tenth(backbone):
    items = pictures(40)
    first, computed = run(items, backbone)
    assert (computed, first.computed) == (40, 40)
    _, computed = run([*items, *pictures(4, seed=1)], backbone)
    assert computed == 4
    again, computed = run(items, backbone)
    assert computed == 0
    np.testing.assert_array_equal(
        again.features[backbone.card.top.name].take(slice(None)),
        first.features[backbone.card.top.name].take(slice(None)),
    )


def test_features_equal_those_of_the_torch_module(backbone):
    import torch

    items = pictures(5)
    found, _ = run(items, backbone, spec=reference_spec())
    inputs = np.stack([IMAGE.prepare_reference(item.source.read(), backbone.card.preprocess) for item in items])
    mean, std = (
        torch.tensor(values).view(3, 1, 1) for values in (backbone.card.preprocess.mean, backbone.card.preprocess.std)
    )
    with torch.inference_mode():
        expected = backbone.load()((torch.from_numpy(inputs).permute(0, 3, 1, 2) / 255 - mean) / std).numpy()
    rows = found.features[backbone.card.top.name].take(slice(None)).astype(np.float32)
    np.testing.assert_allclose(rows, expected, rtol=2e-3, atol=2e-3)


def test_the_same_content_is_computed_once(backbone):
    items = pictures(3)
    twins = [Item("twin", items[0].source, label="a"), *items]
    found, computed = run(twins, backbone)
    assert computed == 3
    rows = found.features[backbone.card.top.name].take(slice(None))
    np.testing.assert_array_equal(rows[0], rows[1])


def test_another_stage_engine_or_transform_is_never_read_for_this_one(backbone):
    items = pictures(6)
    run(items, backbone)
    assert run(items, backbone, stages=[backbone.card.stages[0].name])[1] == 6
    assert run(items, backbone, spec=reference_spec())[1] == 6
    assert run(items, backbone)[1] == 0


def test_several_stages_at_once_have_their_dimensions(backbone):
    stages = [stage.name for stage in backbone.card.stages]
    found, _ = run(pictures(2), backbone, stages=stages)
    assert {name: rows.shape for name, rows in found.features.items()} == {
        stage.name: (2, stage.dim) for stage in backbone.card.stages
    }


def test_what_cannot_be_decoded_is_named_and_labels_stay_with_their_items(backbone, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    good = pictures(3)
    items = [
        good[0],
        Item("broken", FileSource(tmp_path / "broken.jpg")),
        Item("gone", FileSource(tmp_path / "no")),
        *good[1:],
    ]
    found, computed = run(items, backbone)
    assert found.readable.tolist() == [0, 3, 4]
    assert set(found.failures) == {1, 2}
    assert "No such file" in found.failures[2]
    alone, _ = run(good, backbone)
    top = backbone.card.top.name
    np.testing.assert_array_equal(found.features[top].take(slice(None)), alone.features[top].take(slice(None)))
    assert computed == 3


def test_an_engine_of_another_effective_precision_is_refused(backbone):
    spec = EngineSpec("openvino", "bf16")
    engine = Counting(backbone, [backbone.card.top.name], EngineSpec("openvino", "f32"))
    source = FeatureSource(backbone.card, [backbone.card.top.name], spec, lambda: engine)
    items = pictures(2)
    with pytest.raises(EngineError, match="computes in f32"):
        extract(items, read_digests(items), modality=IMAGE, source=source)


def test_features_that_are_not_finite_are_refused_and_not_kept(backbone):
    top = backbone.card.top

    class Broken:
        precision = "f32"

        def compute(self, batch):
            return {top.name: np.full((len(batch), top.dim), np.nan, np.float32)}

    source = FeatureSource(backbone.card, [top.name], EngineSpec("openvino", "f32"), Broken)
    items = pictures(2)
    with pytest.raises(EngineError, match="NaN or infinity"):
        extract(items, read_digests(items), modality=IMAGE, source=source)
    assert run(items, backbone)[1] == 2


def test_values_too_large_for_half_precision_are_kept_in_full(backbone):
    top = backbone.card.top

    class Large:
        precision = "f32"

        def compute(self, batch):
            return {top.name: np.full((len(batch), top.dim), 1e6, np.float32)}

    items = pictures(2)
    source = FeatureSource(backbone.card, [top.name], EngineSpec("openvino", "f32"), Large)
    found = extract(items, read_digests(items), modality=IMAGE, source=source)
    assert (found.features[top.name].take(slice(None)) == 1e6).all()


def test_work_is_kept_shard_by_shard(backbone, monkeypatch):
    """A process that dies in the third shard has the first two."""
    monkeypatch.setattr(extraction, "COMMIT_ROWS", 4)
    top = backbone.card.top.name
    engine = Counting(backbone, [top], EngineSpec("openvino", "f32"))

    class Dying:
        precision = "f32"

        def compute(self, batch):
            if sum(engine.batches) >= 8:
                raise KeyboardInterrupt
            return engine.compute(batch)

    items = pictures(12)
    source = FeatureSource(backbone.card, [top], EngineSpec("openvino", "f32"), Dying)
    with pytest.raises(KeyboardInterrupt):
        extract(items, read_digests(items), modality=IMAGE, source=source)
    assert run(items, backbone)[1] == 4


def test_without_a_model_items_are_only_looked_at(backbone):
    found = extract(pictures(3), read_digests(pictures(3)), modality=IMAGE, source=None)
    assert found.features == {}
    assert [inspection.size for inspection in found.inspections] == [(50, 40)] * 3
    assert found.plain.shape == (3, 32 * 32 * 3)


def test_a_file_that_changes_between_hashing_and_decoding_is_not_kept_under_its_old_name(backbone, tmp_path):
    from PIL import Image

    path = tmp_path / "a.png"
    Image.new("RGB", (40, 40), "red").save(path)
    items = [Item("a", FileSource(path)), *pictures(1)]
    hashed = read_digests(items)
    Image.new("RGB", (40, 40), "blue").save(path)
    source = FeatureSource(
        backbone.card,
        [backbone.card.top.name],
        F32,
        lambda: Counting(backbone, [backbone.card.top.name], F32),
    )
    found = extract(items, hashed, modality=IMAGE, source=source)
    assert found.failures == {0: "its content changed while it was read"}


def test_what_was_computed_before_an_interruption_is_kept(backbone):
    """Of 130 items the third batch is interrupted: two batches are on the shelf."""
    top = backbone.card.top.name
    engine = Counting(backbone, [top], F32)

    class Interrupted:
        precision = "f32"

        def compute(self, batch):
            if len(engine.batches) == 2:
                raise KeyboardInterrupt
            return engine.compute(batch)

    items = pictures(130)
    source = FeatureSource(backbone.card, [top], F32, Interrupted)
    with pytest.raises(KeyboardInterrupt):
        extract(items, read_digests(items), modality=IMAGE, source=source)
    assert run(items, backbone)[1] == 130 - 2 * extraction.BATCH
