"""A language model moves to the user's texts first, then they are told apart."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.workflows.small_language import save_model

from headstart.core.errors import DataError, UsageError
from headstart.core.progress import Silent, Stopwatch
from headstart.training.checkpoints import TrainingWork
from headstart.workflows.adapt_text import SELF, AdaptOptions, adapt, unlabelled_texts
from headstart.workflows.arrange import DataOptions
from headstart.workflows.gather import BackboneOptions, Examples, gather


def _texts(count: int, seed: int) -> list[str]:
    generator = np.random.default_rng(seed)
    return [" ".join(f"w{word}" for word in generator.integers(0, 40, 12)) for _ in range(count)]


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path) -> Examples:
    folder = tmp_path_factory.mktemp("adapt")
    with (folder / "reviews.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["text", "label"])
        rows.writerows([text, "high" if text.split()[0] > "w20" else "low"] for text in _texts(120, 0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(shared_cache))
        model = save_model(folder / "bert", "bert", masked=True)
        return gather(
            DataOptions(str(folder / "reviews.csv"), modality="text"),
            BackboneOptions(f"hf:{model}", allow_licenses=("unknown",)),
            progress=Silent(),
            watch=Stopwatch(),
        )


@pytest.fixture
def work(tmp_path: Path) -> Callable[[bool], TrainingWork]:
    folder = tmp_path / "adaptation"
    folder.mkdir()
    return lambda stopped=False: TrainingWork(folder, lambda: stopped)


def test_the_backbone_moves_and_everything_else_stays(examples, work):
    adapted, record = adapt(examples, AdaptOptions(SELF, budget=2.0), work=work(), progress=Silent())
    assert record["texts"] == len(examples.arranged.rows("train"))
    assert record["given"] == record["left_out"] == 0
    assert record["token_loss"]["after"] < record["token_loss"]["before"]
    assert record["objective"] == "masked"
    probe = record["probe"]
    assert probe["difference"] == pytest.approx(probe["after"] - probe["before"])
    assert probe["low"] <= probe["difference"] <= probe["high"]
    assert adapted.arranged is examples.arranged
    assert adapted.backbone.card.sha256 != examples.backbone.card.sha256
    assert "texts without labels" in adapted.backbone.card.pretraining
    before, after = (found.top.take(slice(None)) for found in (examples, adapted))
    assert before.shape == after.shape
    assert np.abs(before - after).max() > 1e-3


def test_texts_of_validation_and_test_are_never_learned_from(examples, tmp_path):
    arranged = examples.arranged
    held_out = [arranged.items[row].source.read().decode() for row in arranged.rows("test")[:5]]
    new = _texts(30, 7)
    with (tmp_path / "more.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([["text"], *([text] for text in [*new, *held_out])])
    found = unlabelled_texts(examples, str(tmp_path / "more.csv"))
    assert (found.given, found.left_out) == (35, 5)
    assert set(new) < set(found.texts)
    assert not set(held_out) & set(found.texts)
    train = {arranged.items[row].source.read().decode() for row in arranged.rows("train")}
    assert train < set(found.texts)


def test_where_somebody_asked_to_stop_nothing_is_begun(examples, work):
    same, record = adapt(examples, AdaptOptions(SELF, budget=2.0), work=work(True), progress=Silent())
    assert same is examples
    assert record == {"status": "interrupted before it began"}


def test_an_adaptation_that_was_done_is_not_done_again(examples, work):
    first, _ = adapt(examples, AdaptOptions(SELF, budget=2.0), work=work(), progress=Silent())
    again, _ = adapt(examples, AdaptOptions(SELF, budget=2.0), work=work(True), progress=Silent())
    assert again.backbone.card == first.backbone.card


def test_without_texts_or_without_a_mask_it_is_refused(examples, work, tmp_path):
    (tmp_path / "empty").mkdir()
    for nothing in (str(tmp_path / "empty"), "a text as it is"):
        with pytest.raises(DataError, match="found none"):
            adapt(examples, AdaptOptions(nothing, budget=2.0), work=work(), progress=Silent())
    model = save_model(tmp_path / "bert", "bert")
    data = DataOptions(examples.arranged.table.origin, modality="text")
    unmasked = gather(
        data, BackboneOptions(f"hf:{model}", allow_licenses=("unknown",)), progress=Silent(), watch=Stopwatch()
    )
    with pytest.raises(UsageError, match="mask token"):
        adapt(unmasked, AdaptOptions(SELF, budget=2.0), work=work(), progress=Silent())
