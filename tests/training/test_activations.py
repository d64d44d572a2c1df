"""Kept and computed activations are the same numbers, batch by batch and training by training."""

import numpy as np
import pytest
import torch

from headstart.backbones.catalog import open_backbone
from headstart.data.items import ArraySource, Item, content_digest
from headstart.data.modality import MODALITIES
from headstart.features import store
from headstart.features.boundary_cache import ViewedItems, Views, activation_rows, activation_source
from headstart.features.engines.contract import EngineSpec
from headstart.tasks.classification import Classification
from headstart.training.activations import (
    CachedActivations,
    ComputedActivations,
    InputExamples,
    drawn_views,
)
from headstart.training.loop import Loop
from headstart.training.network import Network
from headstart.training.phase import LearningRates, Phase
from headstart.training.plan import PlannedPhase

IMAGE = MODALITIES["image"]
STAGE, START = "stage2", 2
TWO = Views(2, ("mirrored",), seed=1)
TRAIN, VALIDATION = slice(0, 24), slice(24, 36)


@pytest.fixture(scope="module")
def backbone(shared_cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        yield open_backbone("headstart:small_convnet", random_weights=True)


@pytest.fixture(scope="module")
def source(backbone):
    return activation_source(backbone, EngineSpec("openvino", "f32"), STAGE)


@pytest.fixture(autouse=True)
def empty_features(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "cache_home", lambda: tmp_path)


@pytest.fixture(scope="module")
def labels():
    return np.arange(36) % 3


@pytest.fixture(scope="module")
def items(labels):
    """Pictures whose brightest channel is their class."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 120, (36, 40, 40, 3)).astype(np.uint8)
    pictures[np.arange(36), :, :, labels] += 100
    return [Item(str(number), ArraySource(picture)) for number, picture in enumerate(pictures)]


def digests(items):
    return [content_digest(item.source.read()) for item in items]


def view_inputs(views):
    """Inputs made anew for each batch, of the views that the kept batches would be drawn from."""

    def inputs(rows, generator):
        chosen = drawn_views(len(views), len(rows), generator)
        return np.stack([views[view].prepare(row) for view, row in zip(chosen, rows, strict=True)])

    return inputs


@pytest.fixture
def make(items, labels, source):
    """Examples of either kind over some of the items."""

    def cached(part, numbers):
        some = items[part]
        tables = [
            activation_rows(some, digests(some), view=number, views=TWO, source=source, modality=IMAGE)
            for number in numbers
        ]
        return CachedActivations(tables, labels[part], start=START, layout="NCHW")

    def computed(part, numbers):
        some = items[part]
        inputs = view_inputs([ViewedItems(some, digests(some), number, TWO, source, IMAGE) for number in numbers])
        return ComputedActivations(
            inputs,
            source.start(),
            STAGE,
            labels[part],
            start=START,
            layout="NCHW",
            preprocess=source.card.preprocess,
        )

    return {"cached": cached, "computed": computed}


def chance(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("numbers", [range(1, 3), range(1)])
def test_kept_and_computed_batches_are_equal(make, numbers):
    cached, computed = (build(TRAIN, numbers) for build in make.values())
    rows = np.array([7, 0, 23, 7, 12, 3, 4])
    for seed in (None, 0, 1, 2):
        one, other = (examples.batch(rows, None if seed is None else chance(seed)) for examples in (cached, computed))
        assert torch.equal(one.inputs, other.inputs)
        assert torch.equal(one.targets, other.targets)
        assert (one.size, one.start) == (other.size, other.start) == (7, START)
    assert len(cached) == len(computed) == 24


def test_a_batch_is_what_the_modules_below_the_boundary_give(make, backbone, items, labels):
    rows = np.array([3, 1])
    batch = make["cached"](TRAIN, range(1)).batch(rows, None)
    preprocess = backbone.card.preprocess
    inputs = np.stack([IMAGE.prepare(items[row].source.read(), preprocess).inputs for row in rows])
    bottom = InputExamples(lambda rows, generator: inputs, labels, preprocess=preprocess).batch(rows, None)
    with torch.inference_mode():
        expected = backbone.load()(bottom.inputs, stop=START)
    assert batch.inputs.dtype == torch.float32
    assert batch.inputs.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(batch.inputs, expected, rtol=2e-3, atol=1e-3)
    assert batch.targets.tolist() == labels[rows].tolist()
    assert batch.targets.dtype == torch.int64


def test_with_chance_each_row_takes_one_of_the_views_and_without_it_the_first(make, source):
    examples = make["cached"](TRAIN, range(1, 3))
    views = [make["cached"](TRAIN, [number]).batch(np.arange(24), None).inputs for number in (1, 2)]
    rows = np.arange(24)
    assert torch.equal(examples.batch(rows, None).inputs, views[0])
    found = examples.batch(rows, chance()).inputs
    from_which = [[torch.equal(found[row], view[row]) for view in views] for row in rows]
    assert all(sum(matches) == 1 for matches in from_which)
    assert 4 < sum(second for _, second in from_which) < 20


def test_views_are_drawn_evenly():
    drawn = drawn_views(4, 4000, chance())
    assert np.bincount(drawn).min() > 850
    assert not drawn_views(4, 10, None).any()


@pytest.mark.parametrize(("layout", "shape"), [("NHWC", (5, 4, 6)), ("NLC", (7, 6)), ("NC", (6,))])
def test_other_layouts_are_handed_on_as_they_are(layout, shape):
    kept = np.random.default_rng(0).normal(size=(9, *shape)).astype(np.float16)

    class Rows:
        def take(self, which):
            return kept[which]

    batch = CachedActivations([Rows()], np.arange(9), start=1, layout=layout).batch(np.array([8, 2]), None)
    assert torch.equal(batch.inputs, torch.from_numpy(kept[[8, 2]].astype(np.float32)))


def test_inputs_at_the_bottom_are_normalised(backbone, items, labels, source):
    views = [ViewedItems(items, digests(items), number, TWO, source, IMAGE) for number in TWO.trained]
    examples = InputExamples(view_inputs(views), labels, preprocess=backbone.card.preprocess)
    rows = np.array([4, 30])
    batch = examples.batch(rows, None)
    mean, std = np.array(backbone.card.preprocess.mean), np.array(backbone.card.preprocess.std)
    expected = (np.stack([views[0].prepare(row) for row in rows]) / 255 - mean) / std
    np.testing.assert_allclose(batch.inputs.permute(0, 2, 3, 1).numpy(), expected, rtol=1e-5, atol=1e-6)
    assert batch.inputs.is_contiguous(memory_format=torch.channels_last)
    assert (batch.start, batch.size, len(examples)) == (0, 2, 36)


def test_a_training_over_kept_activations_has_the_losses_of_one_that_computes_them(make, backbone):
    losses = {}
    for name, build in make.items():
        module = backbone.load()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = Network(module, Classification(3).build_head(module)).to(memory_format=torch.channels_last)
        phase = Phase("stage3", LearningRates(head=0.01, backbone=0.01), epochs=4, batch_size=8, patience=4)
        loop = Loop(network, Classification(3), train=build(TRAIN, TWO.trained), validation=build(VALIDATION, [0]))
        (record,) = loop.fit([PlannedPhase(phase, 4, 3, "float32", epoch_seconds=0.0, threads=1)])
        losses[name] = [(epoch.train_loss, epoch.validation_loss) for epoch in record.epochs]
        assert record.frozen.stages == ("stage1", "stage2")
    assert losses["cached"] == losses["computed"]
    assert losses["cached"][-1][0] < 0.7 * losses["cached"][0][0]
