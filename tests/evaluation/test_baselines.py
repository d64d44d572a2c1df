from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.backbones.card import ImagePreprocess
from headstart.core.progress import Silent
from headstart.evaluation.baselines import SAME_ARCHITECTURE, SMALL, Architecture, judge, train_baseline
from headstart.training.augment import Augmentation
from headstart.training.checkpoints import TrainingWork
from headstart.training.frozen import FrozenProof
from headstart.training.plan import PhaseCost, PlannedPhase
from headstart.training.records import Ending, EpochRecord, PhaseRecord
from headstart.transfer import scratch
from headstart.transfer.scratch import LabelledInputs, ScratchRun
from headstart.transfer.strategy import SCRATCH

PREPROCESS = ImagePreprocess(8, 1.0, "bilinear", (0.5,) * 3, (0.5,) * 3)
SMALL_ONE = Architecture(SMALL, "headstart", "small_convnet", PREPROCESS)
SAME_ONE = Architecture(SAME_ARCHITECTURE, "headstart", "small_convnet", PREPROCESS)


def planned(epochs: int, seconds: float = 10.0) -> PlannedPhase:
    return PlannedPhase(SCRATCH.phases[0], epochs, 4, "float32", seconds)


def run_with(losses: list[float], *, epochs: int = 60, ending: Ending = "as planned") -> ScratchRun:
    records = tuple(EpochRecord(loss, loss, 1.0) for loss in losses)
    return ScratchRun(planned(epochs), PhaseRecord(records, 0, ending, "the reason", FrozenProof((), "")))


def inputs(pictures: Any, labels: Any, train: Any, validation: Any, test: Any) -> LabelledInputs:
    return LabelledInputs(
        pictures.__getitem__,
        PREPROCESS,
        Augmentation(),
        labels,
        train=train,
        validation=validation,
        test=test,
        classes=10,
    )


def digits(per_class: int = 10) -> LabelledInputs:
    from sklearn.datasets import load_digits

    loaded = load_digits()
    pictures = np.repeat((loaded.images * 255 / 16).round().astype(np.uint8)[..., None], 3, axis=3)
    order = np.random.default_rng(0).permutation(len(pictures))
    size = per_class * 10
    train, validation, test, _ = np.split(order, [size, size + 50, size + 450])
    return inputs(pictures, loaded.target, train, validation, test)


def test_the_small_network_learns_digits_from_ten_of_each() -> None:
    data = digits()
    baseline = train_baseline(SMALL_ONE, data, budget=600.0, seed=0, progress=Silent())
    candidate = baseline.candidate
    assert (candidate.status, candidate.kind, candidate.strategy) == ("ok", "baseline", "scratch")
    assert candidate.budget_seconds == 600.0 and candidate.epochs and candidate.epochs >= 20
    assert candidate.test_probabilities is not None and baseline.network is not None
    assert (candidate.test_probabilities.argmax(axis=1) == data.labels[data.test]).mean() > 0.8


def test_one_that_cannot_finish_is_not_run_and_says_what_it_would_need(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = PhaseCost("float32", step_seconds=60.0, validation_seconds=0.0)
    monkeypatch.setattr(scratch, "measure_cost", lambda *given, **named: cost)
    baseline = train_baseline(SAME_ONE, digits(), budget=60.0, seed=0, progress=Silent())
    candidate = baseline.candidate
    assert (candidate.status, candidate.epochs, baseline.network) == ("not run", 0, None)
    assert candidate.detail == "5 epochs would need about 10 minutes; raise --baseline-budget"
    assert candidate.validation_probabilities is None and not candidate.converged


def test_the_status_follows_the_curves() -> None:
    still_falling, flat = [2.3, 2.0, 1.6, 1.2], [2.3, 0.5, 0.4, 0.4]
    assert judge(run_with(flat), classes=10) == ("ok", "the reason")
    status, detail = judge(run_with(still_falling, epochs=4), classes=10)
    assert status == "not converged" and detail.endswith("raise --baseline-budget")
    status, detail = judge(run_with(still_falling), classes=10)
    assert status == "not converged" and "budget" not in detail
    assert judge(run_with(flat, ending="not finite"), classes=10) == ("not converged", "the reason")
    assert judge(run_with(flat, ending="interrupted"), classes=10) == ("not converged", "interrupted")
    assert judge(ScratchRun(None), classes=10) == ("not run", "interrupted")


def test_what_was_asked_to_stop_is_not_run_and_what_is_done_is_called_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "measure_cost", lambda *given, **named: PhaseCost("float32", 1.0, 0.0))
    stopped = TrainingWork(tmp_path, lambda: True)
    candidate = train_baseline(SMALL_ONE, digits(1), budget=10.0, seed=0, progress=Silent(), work=stopped).candidate
    assert (candidate.status, candidate.detail, candidate.epochs) == ("not run", "interrupted", 0)
    heard: list[Mapping[str, Any]] = []
    going = TrainingWork(tmp_path, lambda: False, [heard.append])
    baseline = train_baseline(SAME_ONE, digits(1), budget=10.0, seed=0, progress=Silent(), work=going)
    assert baseline.run.record is not None and len(baseline.run.record.epochs) == 10
    assert {entry["training"] for entry in heard} == {"same architecture from scratch"}


def test_seconds_are_told_where_minutes_would_be_coarse() -> None:
    assert "about 50 seconds" in judge(ScratchRun(planned(0, 10.0)), classes=10)[1]
    assert "about 2 minutes" in judge(ScratchRun(planned(0, 20.0)), classes=10)[1]


@pytest.mark.slow
@pytest.mark.data
def test_the_small_network_learns_photos_of_32_pixels(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    files = sorted((real_data / "cifar10").glob("t*/*/*.*"))
    names = sorted({file.parent.name for file in files})
    pictures = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    labels = np.array([names.index(file.parent.name) for file in files])
    in_train = np.array([file.parent.parent.name == "train" for file in files])
    shuffled = np.random.default_rng(0).permutation(np.flatnonzero(in_train))
    data = inputs(pictures, labels, shuffled[450:], shuffled[:450], np.flatnonzero(~in_train))
    monkeypatch.setattr(scratch, "measure_cost", lambda *given, **named: PhaseCost("float32", 0.1, 0.0))
    candidate = train_baseline(SMALL_ONE, data, budget=60.0, seed=0, progress=Silent()).candidate
    assert (candidate.status, candidate.epochs) == ("ok", 15)
    assert candidate.test_probabilities is not None
    assert (candidate.test_probabilities.argmax(axis=1) == labels[data.test]).mean() >= 0.6
