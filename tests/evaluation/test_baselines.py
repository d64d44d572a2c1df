import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headstart.backbones.card import BackboneCard, ImagePreprocess
from headstart.core.errors import UsageError
from headstart.core.progress import Silent
from headstart.evaluation.baselines import judge, same_architecture, small_network
from headstart.training.checkpoints import TrainingWork
from headstart.training.frozen import FrozenProof
from headstart.training.plan import PhaseCost, PlannedPhase
from headstart.training.records import Ending, EpochRecord, PhaseRecord
from headstart.transfer import scratch
from headstart.transfer.scratch import LabelledPictures, ScratchRun
from headstart.transfer.strategy import SCRATCH

PREPROCESS = ImagePreprocess(8, 1.0, "bilinear", (0.5,) * 3, (0.5,) * 3)
CARD = BackboneCard("any", "", "small_convnet", "headstart", "", "", "", 0, "", PREPROCESS, ())


def planned(epochs: int, seconds: float = 10.0) -> PlannedPhase:
    return PlannedPhase(SCRATCH.phases[0], epochs, 4, "float32", seconds)


def run_with(losses: list[float], *, epochs: int = 60, ending: Ending = "as planned") -> ScratchRun:
    records = tuple(EpochRecord(loss, loss, 1.0) for loss in losses)
    return ScratchRun(planned(epochs), PhaseRecord(records, 0, ending, "the reason", FrozenProof((), "")))


def shape_only(shape: tuple[int, ...], dtype: type = np.uint8) -> LabelledPictures:
    pictures, rows = np.zeros(shape, dtype=dtype), np.arange(shape[0])
    return LabelledPictures(pictures.__getitem__, rows % 2, rows, rows, rows, classes=2)


def digits(per_class: int = 10) -> LabelledPictures:
    from sklearn.datasets import load_digits

    loaded = load_digits()
    pictures = np.repeat((loaded.images * 255 / 16).round().astype(np.uint8)[..., None], 3, axis=3)
    order = np.random.default_rng(0).permutation(len(pictures))
    size = per_class * 10
    train, validation, test, _ = np.split(order, [size, size + 50, size + 450])
    return LabelledPictures(pictures.__getitem__, loaded.target, train, validation, test, classes=10)


def test_the_small_network_learns_digits_from_ten_of_each() -> None:
    data = digits()
    baseline = small_network(data, budget=600.0, seed=0, progress=Silent())
    candidate = baseline.candidate
    assert (candidate.status, candidate.kind, candidate.strategy) == ("ok", "baseline", "scratch")
    assert candidate.budget_seconds == 600.0 and candidate.epochs and candidate.epochs >= 20
    assert candidate.test_probabilities is not None and baseline.network is not None
    assert (candidate.test_probabilities.argmax(axis=1) == data.labels[data.test]).mean() > 0.8


def test_one_that_cannot_finish_is_not_run_and_says_what_it_would_need(monkeypatch: pytest.MonkeyPatch) -> None:
    cost = PhaseCost("float32", step_seconds=60.0, validation_seconds=0.0)
    monkeypatch.setattr(scratch, "measure_cost", lambda *given, **named: cost)
    baseline = same_architecture(CARD, digits(), budget=60.0, seed=0, progress=Silent())
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
    candidate = small_network(digits(1), budget=10.0, seed=0, progress=Silent(), work=stopped).candidate
    assert (candidate.status, candidate.detail, candidate.epochs) == ("not run", "interrupted", 0)
    heard: list[Mapping[str, Any]] = []
    going = TrainingWork(tmp_path, lambda: False, [heard.append])
    baseline = same_architecture(CARD, digits(1), budget=10.0, seed=0, progress=Silent(), work=going)
    assert baseline.run.record is not None and len(baseline.run.record.epochs) == 10
    assert {entry["training"] for entry in heard} == {"same architecture from scratch"}


def test_seconds_are_told_where_minutes_would_be_coarse() -> None:
    assert "about 50 seconds" in judge(ScratchRun(planned(0, 10.0)), classes=10)[1]
    assert "about 2 minutes" in judge(ScratchRun(planned(0, 20.0)), classes=10)[1]


@pytest.mark.parametrize("shape", [(4, 7, 7, 3), (4, 65, 65, 3), (4, 8, 9, 3), (4, 8, 8, 1), (4, 8, 8)])
def test_pictures_of_another_form_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="Expected"):
        small_network(shape_only(shape), budget=1.0, seed=0, progress=Silent())


def test_the_same_architecture_wants_its_own_input_size() -> None:
    with pytest.raises(UsageError, match="Expected pictures of 16 pixels for small_convnet, but got 8"):
        card = dataclasses.replace(CARD, preprocess=dataclasses.replace(PREPROCESS, size=16))
        same_architecture(card, shape_only((4, 8, 8, 3)), budget=1.0, seed=0, progress=Silent())


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
    data = LabelledPictures(
        pictures.__getitem__, labels, shuffled[450:], shuffled[:450], np.flatnonzero(~in_train), classes=10
    )
    monkeypatch.setattr(scratch, "measure_cost", lambda *given, **named: PhaseCost("float32", 0.1, 0.0))
    candidate = small_network(data, budget=60.0, seed=0, progress=Silent()).candidate
    assert (candidate.status, candidate.epochs) == ("ok", 15)
    assert candidate.test_probabilities is not None
    assert (candidate.test_probabilities.argmax(axis=1) == labels[data.test]).mean() >= 0.6
