"""A path is admitted on the user's own items, or it is not used."""

import numpy as np
import pytest

from headstart.backbones.catalog import open_backbone
from headstart.data.items import ArraySource, Item
from headstart.data.modality import MODALITIES
from headstart.features import admission, store
from headstart.features.admission import changed_predictions, choose_path, percentile_cosine
from headstart.features.engines.contract import EngineSpec
from headstart.features.extraction import read_digests
from headstart.features.trial import TrialRow, engine_trial, reference_spec, start_engine

IMAGE = MODALITIES["image"]


@pytest.fixture(scope="module")
def backbone(shared_cache):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        yield open_backbone("headstart:small_convnet", random_weights=True)


@pytest.fixture(autouse=True)
def empty_features(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "cache_home", lambda: tmp_path)


def pictures(count=40):
    generator = np.random.default_rng(0)
    arrays = generator.integers(0, 256, (count, 36, 36, 3), dtype=np.uint8)
    arrays[: count // 2] //= 3
    return [
        Item(str(number), ArraySource(array), label="dark" if number < count // 2 else "light")
        for number, array in enumerate(arrays)
    ]


class Noisy:
    """An engine that is fast and wrong by so much."""

    def __init__(self, engine, noise):
        self.engine, self.noise, self.precision = engine, noise, "bf16"

    def compute(self, batch):
        generator = np.random.default_rng(len(batch))
        return {
            stage: (rows + generator.normal(0, self.noise, rows.shape) * np.abs(rows).mean()).astype(np.float32)
            for stage, rows in self.engine.compute(batch).items()
        }


def choose(backbone, monkeypatch, noise, items=None):
    items = items or pictures()

    def start(spec, converted, stages):
        engine = start_engine(EngineSpec("openvino", "f32"), converted, stages)
        return Noisy(engine, noise) if spec.precision == "bf16" else engine

    monkeypatch.setattr(admission, "start_engine", start)
    trial = [TrialRow(EngineSpec("openvino", "bf16"), 900.0), TrialRow(EngineSpec("openvino", "f32"), 300.0)]
    return choose_path(
        items, read_digests(items), backbone=backbone, modality=IMAGE, stages=[backbone.card.top.name], trial=trial
    )


def test_the_fastest_that_agrees_is_chosen(backbone, monkeypatch):
    choice = choose(backbone, monkeypatch, noise=1e-4)
    assert choice.spec == EngineSpec("openvino", "bf16")
    assert [row.admitted for row in choice.judged] == [True]
    assert choice.judged[0].cosine > 0.999
    assert choice.judged[0].changed == 0


def test_one_that_is_too_coarse_is_shown_and_not_used(backbone, monkeypatch):
    choice = choose(backbone, monkeypatch, noise=0.5)
    assert choice.spec == EngineSpec("openvino", "f32")
    assert [(row.engine.precision, row.admitted) for row in choice.judged] == [("bf16", False), ("f32", True)]
    assert choice.judged[0].cosine < 0.99


def test_the_answer_is_kept_for_the_same_sample(backbone, monkeypatch):
    first = choose(backbone, monkeypatch, noise=0.5)
    monkeypatch.setattr(admission, "_judge", lambda *_: pytest.fail("judged twice"))
    assert choose(backbone, monkeypatch, noise=0.5).judged == first.judged


def test_a_transform_that_differs_leads_to_the_source_transform(backbone, monkeypatch):
    """Whatever the engine: if the fast path shows the model other pictures, no engine saves it."""
    from dataclasses import replace

    def wrong(content, preprocess):
        prepared = IMAGE.prepare(content, preprocess)
        return replace(prepared, inputs=255 - prepared.inputs)

    monkeypatch.setattr(admission, "start_engine", start_engine)
    items = pictures()
    choice = choose_path(
        items,
        read_digests(items),
        backbone=backbone,
        modality=replace(IMAGE, prepare=wrong),
        stages=[backbone.card.top.name],
        trial=[TrialRow(EngineSpec("openvino", "f32"), 300.0)],
    )
    assert choice.spec == reference_spec()
    assert choice.judged[0].admitted is False


def test_cosine_percentile_equals_a_loop():
    generator = np.random.default_rng(0)
    first, second = generator.normal(size=(2, 50, 8)).astype(np.float32)
    cosines = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(first, second, strict=True)]
    assert percentile_cosine(first, second) == pytest.approx(np.percentile(cosines, 1, method="lower"), abs=1e-6)
    assert percentile_cosine(first * 3, first) == pytest.approx(1, abs=1e-6)


def test_changed_predictions_are_counted():
    generator = np.random.default_rng(0)
    labels = ["a", "b"] * 20
    features = (generator.normal(size=(40, 6)) + np.array([[0], [2]] * 20)).astype(np.float32)
    assert changed_predictions(features, features, labels) == 0
    assert changed_predictions(generator.normal(size=(40, 6)).astype(np.float32), features, labels) > 0.2
    assert changed_predictions(features, features, ["a"] * 40) is None
    assert changed_predictions(features, features, [None] * 40) is None


def test_the_trial_is_measured_once_and_names_effective_precisions(backbone, monkeypatch):
    rows = engine_trial(backbone, device="cpu")
    specs = [row.engine for row in rows]
    assert len(set(specs)) == len(specs)
    assert EngineSpec("openvino", "f32") in specs
    assert [row.inputs_per_second for row in rows] == sorted((row.inputs_per_second for row in rows), reverse=True)
    for spec in specs:
        assert start_engine(spec, backbone, [backbone.card.top.name]).precision == spec.precision
    from headstart.features import trial

    monkeypatch.setattr(trial, "_try_all", lambda *_: pytest.fail("tried twice"))
    assert engine_trial(backbone, device="cpu") == rows


def test_a_gpu_that_is_not_there_is_named(backbone, monkeypatch):
    from headstart.core.errors import UnavailableError
    from headstart.features import trial

    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(trial, "gpu_identity", lambda: "another machine")
    with pytest.raises(UnavailableError, match="use --device cpu or auto"):
        engine_trial(backbone, device="cuda")
