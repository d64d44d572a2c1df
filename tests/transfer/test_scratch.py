import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from headstart.backbones.architectures import build
from headstart.backbones.card import ImagePreprocess
from headstart.backbones.splitting import split
from headstart.backbones.stages import StagedBackbone
from headstart.core.progress import Silent
from headstart.training.augment import Augmentation
from headstart.training.checkpoints import TrainingWork
from headstart.training.plan import PhaseCost
from headstart.transfer import scratch
from headstart.transfer.scratch import LabelledInputs, ScratchRun, train_from_scratch
from headstart.transfer.strategy import SCRATCH

PREPROCESS = ImagePreprocess(8, 1.0, "bilinear", (0.5,) * 3, (0.5,) * 3)
COST = PhaseCost("float32", step_seconds=0.5, validation_seconds=0.0)


@pytest.fixture
def known_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every step costs half a second, whatever the machine."""
    monkeypatch.setattr(scratch, "measure_cost", lambda *given, **named: COST)


def small_backbone() -> StagedBackbone:
    return split(build("headstart", "small_convnet", 8, seed=1), size=8)


def coloured(count: int = 240) -> LabelledInputs:
    """Pictures whose brightest channel is their class."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, count)
    pictures = random.integers(0, 120, (count, 8, 8, 3)).astype(np.uint8)
    pictures[np.arange(count), :, :, labels] += 100
    train, validation, test = np.split(random.permutation(count), [count // 2, 3 * count // 4])
    return LabelledInputs(
        pictures.__getitem__,
        PREPROCESS,
        Augmentation(),
        labels,
        train=train,
        validation=validation,
        test=test,
        classes=3,
    )


def trained(data: LabelledInputs, *, budget: float = 12.0, seed: int = 0) -> ScratchRun:
    return train_from_scratch(small_backbone(), data, budget=budget, seed=seed, progress=Silent())


@pytest.mark.usefixtures("known_cost")
def test_it_learns_and_answers_for_both_splits() -> None:
    data = coloured()
    run = trained(data)
    assert run.network is not None and run.record is not None
    assert run.planned is not None and (run.planned.epochs, len(run.record.epochs)) == (12, 12)
    for probabilities, positions in (
        (run.network.validation_probabilities, data.validation),
        (run.network.test_probabilities, data.test),
    ):
        assert probabilities.shape == (len(positions), 3) and probabilities.dtype == np.float64
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0)
        assert (probabilities.argmax(axis=1) == data.labels[positions]).mean() > 0.9


@pytest.mark.usefixtures("known_cost")
def test_what_is_handed_back_for_saving_gives_the_same_answers() -> None:
    data = coloured()
    network = trained(data).network
    assert network is not None
    model = build("headstart", "small_convnet", 8, seed=99)
    model.load_state_dict({name: torch.from_numpy(values) for name, values in network.backbone.items()})
    assert network.preprocess != PREPROCESS
    with torch.inference_mode():
        features = model(network.preprocess.entrance()(torch.from_numpy(data.inputs(data.test)))[0]).numpy()
    logits = features @ network.head["weight"].T + network.head["bias"]
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(network.test_probabilities, expected, atol=1e-5)
    assert all(values.flags.c_contiguous for values in network.backbone.values())


@pytest.mark.usefixtures("known_cost")
def test_labels_of_test_pictures_take_no_part_and_a_seed_fixes_everything() -> None:
    data = coloured()
    labels = data.labels.copy()
    labels[data.test] = 0
    first, second = trained(data).network, trained(dataclasses.replace(data, labels=labels)).network
    other = trained(data, seed=1).network
    assert first is not None and second is not None and other is not None
    np.testing.assert_array_equal(first.test_probabilities, second.test_probabilities)
    assert not np.array_equal(first.test_probabilities, other.test_probabilities)


@pytest.mark.usefixtures("known_cost")
def test_a_budget_that_buys_too_few_epochs_trains_nothing() -> None:
    backbone = small_backbone()
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    run = train_from_scratch(backbone, coloured(), budget=4.9, seed=0, progress=Silent())
    assert run.planned is not None and (run.planned.epochs, run.record, run.network) == (4, None, None)
    assert all(torch.equal(before[name], tensor) for name, tensor in backbone.state_dict().items())
    assert trained(coloured(), budget=5.1).network is not None


def with_work(folder: Path, *, steps: float = float("inf")) -> ScratchRun:
    """Stopped after so many steps, asked once before the first of them."""
    asked = itertools.count()
    work = TrainingWork(folder, lambda: next(asked) > steps, training="small")
    return train_from_scratch(small_backbone(), coloured(), budget=12.0, seed=0, progress=Silent(), work=work)


@pytest.mark.usefixtures("known_cost")
def test_interrupted_and_taken_up_again_it_gives_the_same_network(tmp_path: Path) -> None:
    expected = trained(coloured())
    stopped = with_work(tmp_path, steps=7)
    assert stopped.record is not None and stopped.record.ending == "interrupted" and stopped.network is not None
    run = with_work(tmp_path)
    assert run.network is not None and expected.network is not None and run.planned == expected.planned
    np.testing.assert_array_equal(run.network.test_probabilities, expected.network.test_probabilities)
    lines = [json.loads(line) for line in (tmp_path / "steps.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "step" in line] == list(range(1, 25))
    assert {line["training"] for line in lines} == {"small"}


def test_a_stored_plan_is_followed_and_nothing_is_timed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(scratch, "measure_cost", lambda *given, **named: COST)
        first = with_work(tmp_path, steps=3)
    monkeypatch.setattr(scratch, "measure_cost", lambda *given, **named: pytest.fail("a step was timed"))
    assert with_work(tmp_path).planned == first.planned


@pytest.mark.usefixtures("known_cost")
def test_who_asks_to_stop_before_it_begins_gets_nothing(tmp_path: Path) -> None:
    run = with_work(tmp_path / "new", steps=-1)
    assert (run.planned, run.record, run.network) == (None, None, None)
    assert not (tmp_path / "new").exists()


def test_a_generous_budget_is_measured_and_bounded_by_the_strategy() -> None:
    run = trained(coloured(24), budget=1e5)
    assert run.planned is not None and run.planned.epochs == SCRATCH.phases[0].epochs
    assert 0 < run.planned.epoch_seconds < 100
